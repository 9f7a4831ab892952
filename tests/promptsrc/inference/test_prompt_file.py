"""Prompts leave a run as one safetensors file, and classify with nothing but it."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from promptsrc.clip.frozen import FrozenCLIP, load_clip
from promptsrc.clip.precision import precision
from promptsrc.inference import prompt_file
from promptsrc.inference.classifier import Classifier
from promptsrc.prompts import LEARNERS

HALF = '{"method": "A", "backbone": "ViT-T/8", "learner": "DeepPrompts"'
SETTINGS = {
    "ContextPrompts": {"n": 3, "position": "front"},
    "PaddedPrompts": {"n": 5, "ctx_init": "a type of, a"},
    "ClassAwarePrompts": {"text_template": "X X X X {} bird.", "frozen_template": "a {}."},
    "ConditionalPrompts": {"n": 4, "ctx_init": "a photo of a"},
    "CoupledPrompts": {"n": 2, "depth": 3, "ctx_init": "a photo of a"},
    "DeepPrompts": {
        "n_text": 2,
        "depth_text": 3,
        "n_image": 4,
        "depth_image": 2,
        "ctx_init": "a photo of a",
    },
    "DecoupledPrompts": {
        "base": "ContextPrompts",
        "probe": {"kind": "linear", "film": True},
        "n": 3,
    },
}


def logits(learner, frozen, images):
    with torch.no_grad():
        return learner.student(frozen).classify(images)


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_file_gives_the_same_logits_for_new_names(tmp_path, kind):
    torch.manual_seed(0)
    frozen = FrozenCLIP(load_clip("ViT-T/8"), precision("fp32", "cpu"))
    learner = LEARNERS[kind](frozen.clip, ["owl", "fire_truck"], **SETTINGS[kind])
    description = {
        "method": "Some",
        "backbone": "ViT-T/8",
        "learner": kind,
        "settings": SETTINGS[kind],
    }
    path = tmp_path / "prompts.safetensors"
    prompt_file.write_prompts(prompt_file.PromptFile(description, learner.state_dict()), path)
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["prompts"]) == description
    images, names = torch.randn(2, 3, 48, 48), ["owl", "fire_truck"]
    ours = Classifier(prompt_file.read_prompts(path), "cpu").model(names).classify(images)
    assert torch.equal(ours, logits(learner, frozen, images))
    assert [file.name for file in tmp_path.iterdir()] == ["prompts.safetensors"]


@pytest.mark.parametrize("kind", [kind for kind in SETTINGS if kind != "ClassAwarePrompts"])
def test_sizes_are_read_off_a_checkpoint_that_does_not_say_them(tmp_path, kind):
    settings = SETTINGS[kind] | ({"n": 3, "position": "end"} if kind == "ContextPrompts" else {})
    learner = LEARNERS[kind](load_clip("ViT-T/8"), ["owl"], **settings)
    state = {f"module.{key}": value for key, value in learner.state_dict().items()} | {
        "token_prefix": torch.ones(3)
    }
    torch.save({"state_dict": state, "epoch": 1}, tmp_path / "theirs")
    prompts = prompt_file.read_foreign_checkpoint(
        tmp_path / "theirs", "ViT-T/8", settings.get("ctx_init", "")
    )
    assert prompts.description["learner"] == kind
    methods = {
        "ContextPrompts": "CoOp",
        "PaddedPrompts": "ProGrad",
        "ConditionalPrompts": "CoCoOp",
        "CoupledPrompts": "MaPLe",
        "DeepPrompts": "IVLP",
        "DecoupledPrompts": "ExtrasLinearProbeCoOp",
    }
    assert prompts.description["method"] == methods[kind]
    assert settings.items() <= prompts.description["settings"].items()
    Classifier(prompts, "cpu").model(["owl"])


def test_prompts_whose_texts_a_file_does_not_say_are_refused(tmp_path):
    learner = LEARNERS["ClassAwarePrompts"](load_clip("ViT-T/8"), ["owl"], "X X X X {}.", "a {}.")
    torch.save({"state_dict": learner.state_dict(), "epoch": 1}, tmp_path / "theirs")
    with pytest.raises(ValueError, match="TCP's prompts, whose texts depend on the dataset"):
        prompt_file.read_foreign_checkpoint(tmp_path / "theirs", "ViT-T/8", "")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match="a.safetensors does not hold prompts"):
        prompt_file.read_prompts(tmp_path / "a.safetensors")
    description = {"method": "X", "backbone": "ViT-T/8", "learner": "Exec", "settings": {}}
    with pytest.raises(ValueError, match="learner 'Exec' is not one of .*ContextPrompts"):
        Classifier(prompt_file.PromptFile(description, {}), "cpu").model(["owl"])
    torch.save({"state_dict": {"fc.weight": torch.ones(1)}, "epoch": 1}, tmp_path / "theirs")
    with pytest.raises(ValueError, match="no prompts of a known method"):
        prompt_file.read_foreign_checkpoint(tmp_path / "theirs", "ViT-T/8", "")


@pytest.mark.parametrize(
    "text",
    [
        '"x"',
        "[" * 100_000,
        HALF + "}",
        HALF + ', "settings": []}',
        HALF + ', "settings": {}, "classnames": "owl"}',
        HALF + ', "settings": {}, "classnames": []}',
        HALF + ', "settings": {}, "classnames": [1, 2]}',
    ],
)
def test_a_damaged_description(tmp_path, text):
    save_file({"ctx": torch.ones(1)}, tmp_path / "a.safetensors", {"prompts": text})
    message = "does not say what its prompts are for|does not hold prompts"
    with pytest.raises(ValueError, match=f"a.safetensors ({message})"):
        prompt_file.read_prompts(tmp_path / "a.safetensors")
