"""Prompts leave a run as one safetensors file, and classify with nothing but it."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from promptsrc import export
from promptsrc.clip.frozen import FrozenCLIP, load_clip
from promptsrc.clip.precision import precision
from promptsrc.inference import prompt_file
from promptsrc.inference.classifier import Classifier
from promptsrc.prompts import LEARNERS
from tests.test_parity import GOLDENS

CHECKPOINT = str(GOLDENS / "checkpoints/promptsrc_ckpt_small/VLPromptLearner/model.pth.tar-4")
SETTINGS = {
    "ContextPrompts": {"n": 3, "position": "front"},
    "ConditionalPrompts": {"n": 4, "ctx_init": "a photo of a"},
    "CoupledPrompts": {"n": 2, "depth": 3, "ctx_init": "a photo of a"},
    "DeepPrompts": {
        "n_text": 2,
        "depth_text": 3,
        "n_image": 4,
        "depth_image": 2,
        "ctx_init": "a photo of a",
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


@pytest.mark.parametrize("kind", SETTINGS)
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
        "ConditionalPrompts": "CoCoOp",
        "CoupledPrompts": "MaPLe",
        "DeepPrompts": "IVLP",
    }
    assert prompts.description["method"] == methods[kind]
    assert settings.items() <= prompts.description["settings"].items()
    Classifier(prompts, "cpu").model(["owl"])


def test_the_command_exports_a_reference_checkpoint(tmp_path, capsys):
    target = str(tmp_path / "prompts.safetensors")
    assert export.main([CHECKPOINT, target]) == 1
    assert "does not say its method and backbone" in capsys.readouterr().err
    said = ["--backbone", "tiny.pt", "--ctx-init", "a photo of a"]
    assert export.main([CHECKPOINT, str(tmp_path / "of the file.safetensors"), *said]) == 0
    assert export.main([str(Path(CHECKPOINT).parents[1]), target, *said]) == 0
    assert (tmp_path / "of the file.safetensors").read_bytes() == Path(target).read_bytes()
    prompts = prompt_file.read_prompts(target)
    assert (prompts.description["method"], prompts.description["backbone"]) == (
        "PromptSRC",
        "tiny.pt",
    )
    assert (
        prompts.description["settings"]["depth_text"]
        == prompts.description["settings"]["depth_image"]
        == 2
    )
    assert all(value.dtype == torch.float32 for value in prompts.tensors.values())


@pytest.mark.parametrize(
    "words, code, message",
    [
        (["none", "a.safetensors"], 1, "error: no file none"),
        (["README.md", "a.safetensors"], 1, "error: README.md is not a readable checkpoint"),
        (["README.md", "a.txt"], 2, "has to end in .safetensors"),
        (
            ["README.md", "a.safetensors", "--backbone", "x", "--ctx-init", ""],
            1,
            "is not a readable checkpoint",
        ),
        (
            ["README.md", "a.safetensors", "--backbone", "x"],
            2,
            "--backbone and --ctx-init belong together",
        ),
        (
            [CHECKPOINT, "nowhere/a.safetensors", "--backbone", "x", "--ctx-init", ""],
            1,
            "no folder nowhere to write",
        ),
    ],
)
def test_what_cannot_be_exported_gets_a_line(in_root, capsys, words, code, message):
    try:
        assert export.main(words) == code
    except SystemExit as exit_:
        assert exit_.code == code
    assert message in capsys.readouterr().err
    assert not (in_root / words[1]).exists()


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


def test_a_checkpoint_that_says_what_it_is_for_is_not_contradicted(tmp_path, capsys):
    state = {"ctx": torch.ones(3, 128)}
    description = {
        "method": "CoOp",
        "backbone": "ViT-T/8",
        "learner": "ContextPrompts",
        "settings": {"n": 3, "position": "front"},
    }
    torch.save(
        {"state_dict": state, "epoch": 1, "trainer_state": {"prompts": description}},
        tmp_path / "model.pth.tar-1",
    )
    words = [str(tmp_path / "model.pth.tar-1"), str(tmp_path / "a.safetensors")]
    assert export.main([*words, "--backbone", "ViT-B/16", "--ctx-init", ""]) == 1
    assert "says what it is for" in capsys.readouterr().err
    assert export.main(words) == 0
    assert prompt_file.read_prompts(words[1]).description == description


def test_where_coops_name_stands_has_to_be_said(in_root, tmp_path):
    source = str(GOLDENS / "checkpoints/coop_generic/prompt_learner/model.pth.tar-4")
    words = [
        source,
        str(tmp_path / "a.safetensors"),
        "--backbone",
        "x",
        "--ctx-init",
        "",
        "--class-token-position",
        "front",
    ]
    assert export.main(words) == 0
    assert prompt_file.read_prompts(words[1]).description["settings"] == {
        "n": 16,
        "ctx_init": "",
        "classes": 0,
        "position": "front",
    }
