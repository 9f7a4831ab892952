"""The export command: what it writes, and the one line of each mistake."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from promptsrc import export
from promptsrc.inference import formats
from promptsrc.inference.prompt_file import PromptFile, read_prompts, write_prompts
from promptsrc.prompts.context import POSITIONS
from tests.parity.cases import GOLDENS

CHECKPOINT = str(GOLDENS / "checkpoints/promptsrc_ckpt_small/VLPromptLearner/model.pth.tar-4")
SAID = ["--backbone", "x", "--ctx-init", ""]
COOP = {
    "method": "CoOp",
    "backbone": "ViT-T/8",
    "learner": "ContextPrompts",
    "settings": {"n": 3, "position": "front"},
}


@pytest.fixture
def prompts(tmp_path):
    """A file of prompts that names its classes."""
    torch.manual_seed(0)
    file = tmp_path / "prompts.safetensors"
    description = COOP | {"classnames": ["owl", "fire_truck"]}
    write_prompts(PromptFile(description, {"ctx": torch.randn(3, 128)}), file)
    return str(file)


@pytest.mark.slow
@pytest.mark.parametrize("ending", export.ENDINGS)
def test_the_ending_chooses_the_format(prompts, tmp_path, capsys, ending):
    if ending == ".onnx":
        for package in formats.ONNX_PACKAGES:
            pytest.importorskip(package)
    file = tmp_path / f"a{ending}"
    assert export.main([prompts, str(file), "--classnames", "cat,dog,owl"]) == 0
    line, stages = capsys.readouterr()
    assert line.startswith(f"{file}: ") and line.count("\n") == 1 and file.stat().st_size > 1000
    built = ending != ".safetensors"
    assert stages.startswith("Loading ViT-T/8 ...\nEncoding the classes ...\n") == built
    assert ("Comparing it with PyTorch ...\n" in stages) == (ending in (".onnx", ".pt2"))


def test_class_names_from_a_file(prompts, tmp_path):
    (tmp_path / "names.txt").write_text("red fox\nowl\n", encoding="utf-8-sig")
    target = str(tmp_path / "a.safetensors")
    assert export.main([prompts, target, "--classnames-file", str(tmp_path / "names.txt")]) == 0
    assert read_prompts(target).description["classnames"] == ["red fox", "owl"]


def test_class_names_that_are_one_to_clip(prompts, tmp_path, capsys):
    (tmp_path / "names.txt").write_bytes("T-shirt\r\nowl\r\nt - shirt".encode("utf-16"))
    target = tmp_path / "a.safetensors"
    for given in (
        ["--classnames", "T-shirt,owl,t - shirt"],
        ["--classnames-file", str(tmp_path / "names.txt")],
    ):
        assert export.main([prompts, str(target), *given]) == 2
    err = capsys.readouterr().err
    assert err.count("duplicate class name 't - shirt' (the same as 'T-shirt')") == 2
    assert not target.exists()


def test_a_reference_checkpoint(tmp_path, capsys):
    file, target = str(tmp_path / "of the file.safetensors"), str(tmp_path / "prompts.safetensors")
    assert export.main([CHECKPOINT, target]) == 1
    assert "does not say its method and backbone" in capsys.readouterr().err
    said = ["--backbone", "tiny.pt", "--ctx-init", "a photo of a"]
    assert export.main([CHECKPOINT, file, *said]) == 0
    assert export.main([str(Path(CHECKPOINT).parents[1]), target, *said]) == 0
    assert Path(file).read_bytes() == Path(target).read_bytes()
    about, tensors = read_prompts(target)
    assert (about["method"], about["backbone"]) == ("PromptSRC", "tiny.pt")
    assert about["settings"]["depth_text"] == about["settings"]["depth_image"] == 2
    assert all(value.dtype == torch.float32 for value in tensors.values())


def test_the_position_of_coops_class_names(tmp_path):
    source = str(GOLDENS / "checkpoints/coop_generic/prompt_learner/model.pth.tar-4")
    target = str(tmp_path / "a.safetensors")
    assert export.main([source, target, *SAID, "--class-token-position", "front"]) == 0
    expected = {"n": 16, "ctx_init": "", "classes": 0, "position": "front"}
    assert read_prompts(target).description["settings"] == expected


def test_a_checkpoint_that_says_what_it_is_for_is_not_contradicted(tmp_path, capsys):
    content = {"state_dict": {"ctx": torch.ones(3, 128)}, "epoch": 1}
    torch.save(content | {"trainer_state": {"prompts": COOP}}, tmp_path / "model.pth.tar-1")
    words = [str(tmp_path / "model.pth.tar-1"), str(tmp_path / "a.safetensors")]
    assert export.main([*words, *SAID]) == 1
    assert "says what it is for; leave --backbone and --ctx-init out" in capsys.readouterr().err
    assert export.main(words) == 0
    assert read_prompts(words[1]).description == COOP


TOO_LONG = "owl," + "very " * 80


@pytest.mark.parametrize(
    "words, code, message",
    [
        (["a.txt"], 2, "FILE is a.txt; its name has to end in .safetensors, .onnx, .pt2, .npz"),
        (["a.npz", "--backbone", "x"], 2, "--backbone and --ctx-init belong together"),
        (["a.npz", "--classnames", "owl,,cat"], 2, "error: --classnames: name 2 is empty"),
        (["a.npz", "--classnames-file", "none"], 2, "error: no file none (--classnames-file)"),
        (["a.safetensors", "--classnames", TOO_LONG], 1, "is longer than CLIP's 77 tokens"),
        (["no/a.npz"], 1, "error: no folder no to write a.npz to; make it first"),
        (["no/a.pt2"], 1, "error: no folder no to write a.pt2 to; make it first"),
    ],
)
def test_a_mistake_gets_a_line(prompts, tmp_path, monkeypatch, capsys, words, code, message):
    monkeypatch.chdir(tmp_path)
    try:
        assert export.main([prompts, *words]) == code
    except SystemExit as exit_:
        assert exit_.code == code
    assert message in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["prompts.safetensors"]


@pytest.mark.parametrize(
    "words, message",
    [
        (["none", "a.safetensors"], "error: no file none"),
        (["README.md", "a.safetensors"], "error: README.md is not a readable checkpoint"),
        (["README.md", "a.safetensors", *SAID], "error: README.md is not a readable checkpoint"),
        ([CHECKPOINT, "nowhere/a.safetensors", *SAID], "error: no folder nowhere to write"),
    ],
)
def test_a_source_that_cannot_be_used_gets_a_line(in_root, capsys, words, message):
    assert export.main(words) == 1
    assert message in capsys.readouterr().err
    assert not (in_root / words[1]).exists()


def test_endings_and_positions_are_those_of_the_library():
    assert (".safetensors", *formats.WRITERS) == export.ENDINGS and export.POSITIONS == POSITIONS


@pytest.mark.parametrize("module", ["export", "hub"])
def test_help_answers_without_pytorch(in_root, module):
    code = (
        f"import sys, promptsrc.{module} as command\n"
        "try: command.main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "RUN" in done.stdout, done.stderr
