"""MODEL.INIT_WEIGHTS: a training starts from trained prompts."""

import pytest
import torch

from promptsrc.inference.prompt_file import read_prompts, write_prompts
from runs.layout import is_zero_shot
from runs.settings import trainers
from tests.runs.test_unused import built

CSC = {"TRAINER.COOP.CSC": True, "TRAINER.COOP.CTX_INIT": "", "TRAINER.COOP.N_CTX": 4}


def trained(folder, trainer="CoOp", **changed):
    """A run whose prompts are values of their own."""
    _, model = built(trainer, folder, **changed)
    with torch.no_grad():
        for i, value in enumerate(model.prompts.parameters(), 1):
            value.copy_(torch.linspace(-i, i, value.numel()).view_as(value))
    model.save_model(0, str(folder))
    return model


def same(a, b):
    a, b = a.prompts.state_dict(), b.prompts.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("trainer", [t for t in trainers() if not is_zero_shot(t)])
def test_a_run_starts_from_a_folder_a_checkpoint_or_a_prompt_file(trainer, tmp_path):
    theirs = trained(tmp_path, trainer)
    checkpoint = tmp_path / theirs.registered_as / "model.pth.tar-1"
    write_prompts(read_prompts(checkpoint), tmp_path / "prompts.safetensors")
    for source in (tmp_path, checkpoint, tmp_path / "prompts.safetensors"):
        _, ours = built(trainer, tmp_path / "new", **{"MODEL.INIT_WEIGHTS": str(source)})
        assert same(ours, theirs)


def test_promptsrc_starts_from_ivlp(tmp_path):
    sizes = {f"TRAINER.IVLP.{key}": 4 for key in ("N_CTX_VISION", "N_CTX_TEXT")}
    theirs = trained(tmp_path, "IVLP", **sizes)
    _, ours = built("PromptSRC", tmp_path / "new", **{"MODEL.INIT_WEIGHTS": str(tmp_path)})
    assert same(ours, theirs)


def test_a_checkpoint_of_another_implementation_is_taken(tmp_path):
    theirs = trained(tmp_path)
    path = tmp_path / "prompt_learner" / "theirs.pth.tar"
    torch.save({"state_dict": theirs.prompts.state_dict(), "epoch": 5}, path)
    _, ours = built("CoOp", tmp_path / "new", **{"MODEL.INIT_WEIGHTS": str(path)})
    assert same(ours, theirs)


def test_what_does_not_fit_is_refused(tmp_path):
    trained(tmp_path / "coop")

    def start(source, trainer="CoOp", **changed):
        return built(trainer, tmp_path / "new", **{"MODEL.INIT_WEIGHTS": str(source)}, **changed)

    with pytest.raises(FileNotFoundError, match="^MODEL.INIT_WEIGHTS: no file nowhere.pth"):
        start("nowhere.pth")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="^MODEL.INIT_WEIGHTS: .* has no checkpoint"):
        start(tmp_path / "empty")
    (tmp_path / "text.pth").write_text("not a checkpoint")
    with pytest.raises(ValueError, match="text.pth is not a readable checkpoint"):
        start(tmp_path / "text.pth")
    with pytest.raises(ValueError, match=r"other settings: learner .there: 'ContextPrompts', here"):
        start(tmp_path / "coop", "CoCoOp")
    with pytest.raises(ValueError, match=r"position .there: 'end', here: 'front'"):
        start(tmp_path / "coop", **{"TRAINER.COOP.CLASS_TOKEN_POSITION": "front"})
    prompts = read_prompts(tmp_path / "coop")
    other = prompts.describing(backbone="ViT-B/16")
    write_prompts(other, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"backbone .there: 'ViT-B/16', here: 'ViT-T/8-v2'"):
        start(tmp_path / "other.safetensors")


def test_contexts_of_classes_follow_their_names(tmp_path):
    theirs = trained(tmp_path / "csc", **CSC)
    prompts = read_prompts(tmp_path / "csc")
    turned = prompts.describing(classnames=prompts.description["classnames"][::-1])
    write_prompts(turned, tmp_path / "turned.safetensors")
    source = {"MODEL.INIT_WEIGHTS": str(tmp_path / "turned.safetensors")}
    _, ours = built("CoOp", tmp_path / "new", **source, **CSC)
    assert torch.equal(ours.prompts.ctx, theirs.prompts.ctx.flip(0))
    trained(tmp_path / "base", **CSC, **{"DATASET.SUBSAMPLE_CLASSES": "base"})
    half = {"MODEL.INIT_WEIGHTS": str(tmp_path / "base"), "DATASET.SUBSAMPLE_CLASSES": "new"}
    with pytest.raises(ValueError, match="has learned something for each class, but not for"):
        built("CoOp", tmp_path / "new", **half, **CSC)
