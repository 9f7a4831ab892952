"""What is exported computes what PyTorch computes, for any number of images, and says what its classes and images are."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from promptsrc import export
from promptsrc.clip.frozen import load_clip
from promptsrc.inference import formats
from promptsrc.inference.classifier import Classifier
from promptsrc.inference.prompt_file import PromptFile, read_prompts, write_prompts
from promptsrc.prompts import LEARNERS
from promptsrc.prompts.context import POSITIONS
from tests.promptsrc.inference.test_prompt_file import SETTINGS

FIXED = [kind for kind in SETTINGS if kind != "ConditionalPrompts"]
NAMES = ["owl", "fire_truck", 'größe, "x"']
STATED = {"size": 48, "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "interpolation": "bilinear"}
COUNTS = (1, 2, 5)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of prompts by learner."""
    folder, clip = tmp_path_factory.mktemp("prompts"), load_clip("ViT-T/8")
    torch.manual_seed(0)
    for kind in SETTINGS:
        description = {
            "method": "Some",
            "backbone": "ViT-T/8",
            "learner": kind,
            "settings": SETTINGS[kind],
        }
        learner = LEARNERS[kind](clip, NAMES, **SETTINGS[kind])
        prompts = PromptFile(
            description | {"classnames": NAMES, "input": STATED}, learner.state_dict()
        )
        write_prompts(prompts, folder / f"{kind}.safetensors")
    return folder


def logits(file, images, names=None):
    with torch.no_grad():
        return Classifier(read_prompts(file), "cpu").model(names).classify(images)


def batches():
    torch.manual_seed(3)
    return [torch.randn(count, 3, 48, 48) for count in COUNTS]


@pytest.mark.parametrize("kind", FIXED)
def test_a_program_takes_any_number_of_images(files, tmp_path, kind, capsys):
    source, target = files / f"{kind}.safetensors", tmp_path / "a.pt2"
    assert export.main([str(source), str(target)]) == 0
    assert f"{target}: images -> logits, within" in capsys.readouterr().out
    about = {"classnames": "", "input": ""}
    program = torch.export.load(target, extra_files=about)
    assert json.loads(about["classnames"]) == NAMES and json.loads(about["input"]) == STATED
    assert not any(
        "transformer.resblocks" in key and "visual" not in key for key in program.state_dict
    )  # no text tower
    for images in batches():
        assert (program.module()(images) - logits(source, images)).abs().max() < 1e-4
    assert [file.name for file in tmp_path.iterdir()] == ["a.pt2"]


@pytest.mark.parametrize("kind", FIXED)
def test_onnx_takes_any_number_of_images(files, tmp_path, kind, capsys):
    for package in formats.ONNX_PACKAGES:
        pytest.importorskip(package)
    import onnxruntime

    source, target = files / f"{kind}.safetensors", tmp_path / "a.onnx"
    assert export.main([str(source), str(target), "--classnames", "cat,dog"]) == 0
    assert f"{target}: images -> logits, within" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    assert (
        json.loads(about["classnames"]) == ["cat", "dog"] and json.loads(about["input"]) == STATED
    )
    for images in batches():
        (found,) = session.run(["logits"], {"images": images.numpy()})
        assert np.abs(found - logits(source, images, ["cat", "dog"]).numpy()).max() < 1e-4
    assert [file.name for file in tmp_path.iterdir()] == ["a.onnx"]


def test_without_its_packages_onnx_says_what_to_install(files, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(formats, "ONNX_PACKAGES", ("onnx_of_nobody",))
    assert export.main([str(files / "DeepPrompts.safetensors"), str(tmp_path / "a.onnx")]) == 1
    assert capsys.readouterr().err == "error: ONNX needs onnx_of_nobody: pip install .[onnx]\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind, plain", [("ContextPrompts", True), ("DeepPrompts", False)])
def test_class_weights_are_unit_columns_that_give_the_logits(files, tmp_path, kind, plain, capsys):
    source, target = files / f"{kind}.safetensors", tmp_path / "a.npz"
    assert export.main([str(source), str(target)]) == 0
    assert ("NOT for images of the plain CLIP" not in capsys.readouterr().out) == plain
    with np.load(target) as file:
        weights, names, scale = file["weights"], file["classnames"], file["logit_scale"]
    assert weights.shape == (128, 3) and weights.dtype == np.float32 and names.tolist() == NAMES
    assert np.abs(np.linalg.norm(weights, axis=0) - 1).max() < 1e-6
    images = batches()[1]
    clip = load_clip("ViT-T/8")
    features = torch.nn.functional.normalize(clip.encode_image(images), dim=-1).numpy()
    same = np.abs(scale * features @ weights - logits(source, images).numpy()).max() < 1e-4
    assert same == plain


@pytest.mark.parametrize("ending", [".pt2", ".npz", ".onnx"])
def test_classes_that_follow_the_image_make_no_matrix(files, tmp_path, ending, capsys):
    if ending == ".onnx":
        for package in formats.ONNX_PACKAGES:
            pytest.importorskip(package)
    assert (
        export.main([str(files / "ConditionalPrompts.safetensors"), str(tmp_path / f"a{ending}")])
        == 1
    )
    assert capsys.readouterr().err.startswith("error: CoCoOp's class features depend on the image")
    assert not list(tmp_path.iterdir())


def test_what_computes_something_else_is_not_written(files, tmp_path, monkeypatch, capsys):
    (tmp_path / "a.pt2").write_text("as before")
    monkeypatch.setattr(formats, "TOLERANCE", -1.0)
    assert export.main([str(files / "ContextPrompts.safetensors"), str(tmp_path / "a.pt2")]) == 1
    assert "from PyTorch, more than" in capsys.readouterr().err
    assert [file.read_text() for file in tmp_path.iterdir()] == ["as before"]


def test_names_in_a_file_of_prompts(files, tmp_path):
    (tmp_path / "names.txt").write_text("red fox\nowl\n", encoding="utf-8-sig")
    words = [str(files / "ContextPrompts.safetensors"), str(tmp_path / "a.safetensors")]
    assert export.main(words) == 0
    assert read_prompts(words[1]).description == read_prompts(words[0]).description
    assert export.main([*words, "--classnames-file", str(tmp_path / "names.txt")]) == 0
    assert read_prompts(words[1]).description["classnames"] == ["red fox", "owl"]


@pytest.mark.parametrize(
    "words, code, message",
    [
        (["a.txt"], 2, "its name has to end in .safetensors, .onnx, .pt2, .npz"),
        (["a.npz", "--classnames", "owl,,cat"], 2, "error: --classnames: name 2 is empty"),
        (
            ["a.npz", "--classnames-file", "none.txt"],
            2,
            "error: no file none.txt (--classnames-file)",
        ),
        (
            ["a.safetensors", "--classnames", "owl," + "very " * 80],
            1,
            "is longer than CLIP's 77 tokens",
        ),
        (["nowhere/a.npz"], 1, "error: no folder nowhere to write a.npz to; make it first"),
        (["nowhere/a.pt2"], 1, "error: no folder nowhere to write a.pt2 to; make it first"),
    ],
)
def test_what_cannot_be_exported_gets_a_line(
    files, tmp_path, monkeypatch, capsys, words, code, message
):
    monkeypatch.chdir(tmp_path)
    try:
        assert export.main([str(files / "ContextPrompts.safetensors"), *words]) == code
    except SystemExit as exit_:
        assert exit_.code == code
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_endings_and_positions_are_those_of_the_work():
    assert (".safetensors", *formats.WRITERS) == export.ENDINGS and export.POSITIONS == POSITIONS


@pytest.mark.parametrize("module", ["export", "hub"])
def test_help_answers_without_pytorch(in_root, module):
    code = (
        f"import sys, promptsrc.{module} as command\n"
        "try: command.main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "RUN" in done.stdout, done.stderr


def test_a_damaged_description(tmp_path, capsys):
    half = '{"method": "A", "backbone": "ViT-T/8", "learner": "DeepPrompts"'
    numbers = (
        half + ', "settings": {}, "classnames": ' + names + "}" for names in ("[]", "[1, 2]")
    )
    for text in ('"x"', half + "}", half + ', "settings": {}, "classnames": "owl"}', *numbers):
        save_file({"ctx": torch.ones(1)}, tmp_path / "a.safetensors", {"prompts": text})
        assert export.main([str(tmp_path / "a.safetensors"), str(tmp_path / "b.npz")]) == 1
        assert "does not say what its prompts are for" in capsys.readouterr().err
    save_file(
        {"ctx": torch.ones(1)},
        tmp_path / "a.safetensors",
        {"prompts": half + ', "settings": {"n": 3}, "classnames": ["owl"]}'},
    )
    assert export.main([str(tmp_path / "a.safetensors"), str(tmp_path / "b.npz")]) == 1
    assert "DeepPrompts does not take the settings {'n': 3}" in capsys.readouterr().err
