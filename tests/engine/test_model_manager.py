"""Models are registered, saved, loaded and resumed."""

import math

import pytest
import torch
from dassl.engine import TrainerX, build_trainer
from dassl.utils import load_checkpoint

from tests.engine import toy


def test_names_are_checked(root, tmp_path):
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    with pytest.raises(AssertionError, match="'head' is already registered"):
        trainer.register_model("head", trainer.head)
    with pytest.raises(AssertionError, match="no model is named 'tail'; registered: body, head"):
        trainer.get_model_names("tail")
    with pytest.raises(KeyError, match="mode is 'sleep'; choose one of train, eval, test"):
        trainer.set_model_mode("sleep")
    with pytest.raises(AttributeError, match="super"):
        TrainerX.__new__(TrainerX).register_model("x")


def test_load_model_says_what_is_missing(root, tmp_path, capsys):
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    trainer.load_model("")
    assert "load_model() is skipped" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*body/model.pth.tar-7"):
        trainer.load_model(str(tmp_path / "run"), epoch=7)


def test_an_infinite_loss_changes_nothing(root, tmp_path):
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    before = trainer.head.weight.clone()
    with pytest.raises(FloatingPointError):
        trainer.model_backward_and_update(trainer.head.weight.sum() * float("nan"))
    assert torch.equal(trainer.head.weight, before)


def test_checkpoints_hold_the_five_keys_and_load_as_weights_only(root, tmp_path):
    toy.trained(root, tmp_path / "run")
    folder = tmp_path / "run" / "head"
    assert (folder / "checkpoint").read_text().partition("\n")[0] == "model.pth.tar-5"
    assert len(list(folder.glob("model.pth.tar-?"))) == 5
    checkpoint = torch.load(folder / "model.pth.tar-4", weights_only=True)
    assert {"state_dict", "epoch", "optimizer", "scheduler", "val_result"} <= checkpoint.keys()
    assert checkpoint["epoch"] == 4 and checkpoint["scheduler"] == {
        "last_epoch": 1,
        "successor_state": {"last_epoch": 3},
    }


def test_a_resumed_schedule_drives_the_live_optimizer(root, tmp_path):
    toy.trained(root, tmp_path / "run")
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    (tmp_path / "run" / "body" / "checkpoint").write_text("model.pth.tar-2\n")
    trainer.resume_model_if_exist(str(tmp_path / "run"))
    before = trainer.get_current_lr()
    trainer.model_update()
    trainer.update_lr()
    assert before == pytest.approx(0.05 * (1 + math.cos(math.pi / 5)), rel=1e-6)
    assert trainer.get_current_lr() < before


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-7],
        lambda content: b"",
        lambda content: content[:99] + b"?" * 9 + content[108:],
    ],
)
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(root, tmp_path, capsys, damage):
    whole = toy.trained(root, tmp_path / "run")
    file = tmp_path / "run" / "head" / "model.pth.tar-5"
    file.write_bytes(damage(file.read_bytes()))
    again = toy.trained(root, tmp_path / "run")
    out = capsys.readouterr().out
    assert f"Warning: {file} is damaged: its SHA-256 is not the one that was saved" in out
    assert again.start_epoch == 4
    toy.assert_same(whole, again)


def test_a_lost_pointer_loses_no_epoch(root, tmp_path):
    whole = toy.trained(root, tmp_path / "run")
    (tmp_path / "run" / "head" / "checkpoint").unlink()
    again = toy.trained(root, tmp_path / "run")
    assert again.start_epoch == 5
    toy.assert_same(whole, again)


def test_when_all_checkpoints_are_damaged_no_run_starts_from_scratch(root, tmp_path):
    toy.trained(root, tmp_path / "run")
    for file in (tmp_path / "run" / "head").glob("model*-?"):
        file.write_bytes(b"")
    with pytest.raises(ValueError, match="model.pth.tar-1 is damaged"):
        toy.trained(root, tmp_path / "run")


def test_models_two_epochs_apart_resume_at_the_epoch_both_have(root, tmp_path):
    toy.trained(root, tmp_path / "run")
    (tmp_path / "run" / "head" / "checkpoint").write_text("model.pth.tar-3\n")
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    assert trainer.resume_model_if_exist(str(tmp_path / "run")) == 3
    expected = load_checkpoint(str(tmp_path / "run" / "body" / "model.pth.tar-3"))["state_dict"]
    assert torch.equal(trainer.body.weight, expected["weight"])


@pytest.mark.parametrize(
    "content, message",
    [
        ({"epoch": 1}, "is not a training checkpoint: 'state_dict' is not of type dict; restore"),
        ({"state_dict": {}, "epoch": 1.5}, "is not a training checkpoint: 'epoch' is not of type"),
        ({"state_dict": {}, "epoch": 1}, r"does not fit this method .*Missing key.*; use the set"),
    ],
)
def test_a_foreign_checkpoint_is_named_when_resumed_or_loaded(root, tmp_path, content, message):
    trainer = toy.trained(root, tmp_path / "run", MAX_EPOCH=1)
    torch.save(content, tmp_path / "run" / "head" / "model.pth.tar-1")
    (tmp_path / "run" / "head" / "checkpoint").write_text("model.pth.tar-1\n")
    for load in (trainer.resume_model_if_exist, lambda folder: trainer.load_model(folder, epoch=1)):
        with pytest.raises(ValueError, match=f"run/head/model.pth.tar-1 {message}"):
            load(str(tmp_path / "run"))


def test_a_training_state_of_another_trainer_is_named(root, tmp_path):
    trainer = toy.trained(root, tmp_path / "run", MAX_EPOCH=1)
    path = tmp_path / "run" / "head" / "model.pth.tar-1"
    torch.save(load_checkpoint(str(path)) | {"trainer_state": {}}, path)
    path.with_name("checkpoint").write_text(f"{path.name}\n")
    says = r"head/model.pth.tar-1 does not fit .* \(KeyError: 'extra'\)"
    with pytest.raises(ValueError, match=says):
        trainer.resume_model_if_exist(str(tmp_path / "run"))
