"""Exports compute what PyTorch computes, for any number of images, and name their classes."""

import json
import re

import numpy as np
import pytest
import torch

from promptsrc.clip.frozen import load_clip
from promptsrc.inference import formats
from promptsrc.inference.classifier import Classifier
from promptsrc.inference.prompt_file import PromptFile, read_prompts, write_prompts
from promptsrc.model import PromptedCLIP
from promptsrc.prompts import LEARNERS, DeepPrompts
from tests.promptsrc.inference.test_prompt_file import SETTINGS

FIXED = [kind for kind in SETTINGS if kind != "ConditionalPrompts"]
NAMES = ["owl", "fire_truck", 'größe, "x"']
STATED = {
    "size": 48,
    "mean": [0.1, 0.2, 0.3],
    "std": [0.4, 0.5, 0.6],
    "interpolation": "bilinear",
    "read_as": "shown",
}
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


@pytest.mark.slow
@pytest.mark.parametrize("kind", FIXED)
def test_a_program_takes_any_number_of_images(files, tmp_path, kind):
    source, target = files / f"{kind}.safetensors", tmp_path / "a.pt2"
    line = formats.write(read_prompts(source), None, target)
    assert re.fullmatch(r"images -> logits, within \de[-+]\d\d of PyTorch", line)
    about = {"classnames": "", "input": ""}
    program = torch.export.load(target, extra_files=about)
    assert json.loads(about["classnames"]) == NAMES and json.loads(about["input"]) == STATED
    text_tower = [k for k in program.state_dict if "resblocks" in k and "visual" not in k]
    assert not text_tower
    for images in batches():
        assert (program.module()(images) - logits(source, images)).abs().max() < 1e-4
    assert [file.name for file in tmp_path.iterdir()] == ["a.pt2"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", FIXED)
def test_onnx_takes_any_number_of_images(files, tmp_path, kind):
    for package in formats.ONNX_PACKAGES:
        pytest.importorskip(package)
    import onnxruntime

    source, target = files / f"{kind}.safetensors", tmp_path / "a.onnx"
    line = formats.write(read_prompts(source), ["cat", "dog"], target)
    assert re.fullmatch(r"images -> logits, within \de[-+]\d\d of PyTorch", line)
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["classnames"]) == ["cat", "dog"]
    assert json.loads(about["input"]) == STATED
    for images in batches():
        (found,) = session.run(["logits"], {"images": images.numpy()})
        assert np.abs(found - logits(source, images, ["cat", "dog"]).numpy()).max() < 1e-4
    assert [file.name for file in tmp_path.iterdir()] == ["a.onnx"]


def test_without_its_packages_onnx_says_what_to_install(files, tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "ONNX_PACKAGES", ("onnx_of_nobody",))
    prompts = read_prompts(files / "DeepPrompts.safetensors")
    with pytest.raises(ValueError, match=r"^ONNX needs onnx_of_nobody: pip install .\[onnx\]$"):
        formats.write(prompts, None, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind, plain", [("ContextPrompts", True), ("DeepPrompts", False)])
def test_class_weights_are_unit_columns_that_give_the_logits(files, tmp_path, kind, plain):
    source, target = files / f"{kind}.safetensors", tmp_path / "a.npz"
    line = formats.write(read_prompts(source), None, target)
    assert ("NOT for images of the plain CLIP" not in line) == plain
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
def test_class_features_that_depend_on_the_image_are_not_a_matrix(files, tmp_path, ending):
    prompts = read_prompts(files / "ConditionalPrompts.safetensors")
    with pytest.raises(ValueError, match="Some.s logits are not image features times one"):
        formats.write(prompts, None, tmp_path / f"a{ending}")
    assert not list(tmp_path.iterdir())


def test_what_computes_something_else_is_not_written(files, tmp_path, monkeypatch):
    (tmp_path / "a.pt2").write_text("as before")
    monkeypatch.setattr(formats, "TOLERANCE", -1.0)
    prompts = read_prompts(files / "ContextPrompts.safetensors")
    with pytest.raises(ValueError, match="from PyTorch, more than -1e\\+00; nothing is written"):
        formats.write(prompts, None, tmp_path / "a.pt2")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["as before"]


def test_names_in_a_file_of_prompts(files, tmp_path):
    before, file = read_prompts(files / "ContextPrompts.safetensors"), tmp_path / "a.safetensors"
    assert formats.write(before, None, file) == f"384 parameters, {before.description}"
    assert read_prompts(file).description == before.description
    formats.write(before, ["red fox", "owl"], file)
    assert read_prompts(file).description == before.description | {"classnames": ["red fox", "owl"]}


def test_rows_per_class_follow_the_names_of_a_file(tmp_path):
    about = {"method": "CoOp", "backbone": "ViT-T/8", "learner": "ContextPrompts"}
    about |= {"settings": {"n": 3, "classes": 3}, "classnames": ["cat", "dog", "owl"]}
    torch.manual_seed(0)
    before = PromptFile(about, {"ctx": torch.randn(3, 3, 128)})
    write_prompts(before, tmp_path / "all.safetensors")
    expected = logits(tmp_path / "all.safetensors", batches()[0])
    for chosen in (["owl", "cat", "dog"], ["owl", "cat"]):
        formats.write(before, chosen, tmp_path / "chosen.safetensors")
        found = logits(tmp_path / "chosen.safetensors", batches()[0])
        columns = [about["classnames"].index(name) for name in chosen]
        torch.testing.assert_close(found, expected[:, columns], atol=1e-4, rtol=0)


def test_a_probe_is_not_in_a_class_matrix(files, tmp_path):
    prompts = read_prompts(files / "DecoupledPrompts.safetensors")
    with pytest.raises(ValueError, match="Some's logits are not image features times one class"):
        formats.write(prompts, None, tmp_path / "a.npz")
    formats.write(prompts, ["red fox", "owl"], tmp_path / "a.npz")  # the similarity alone
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


class Doubled(PromptedCLIP):
    def encode(self, images):
        encoded = super().encode(images)
        return encoded._replace(logits=2 * encoded.logits)


@pytest.mark.parametrize("ending", [".pt2", ".npz", ".onnx"])
def test_logits_of_a_methods_own_are_not_exported_as_others(files, tmp_path, monkeypatch, ending):
    monkeypatch.setattr(DeepPrompts, "student", lambda self, frozen: Doubled(frozen, self))
    prompts = read_prompts(files / "DeepPrompts.safetensors")
    with pytest.raises(ValueError, match="Some's logits are not image features times one"):
        formats.write(prompts, None, tmp_path / f"a{ending}")
    assert not list(tmp_path.iterdir())
