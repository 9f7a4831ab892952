"""When a trainer validates, saves, resumes and deploys."""

import re
import shutil

import dassl.engine.trainer
import pytest
import torch
from dassl.engine import build_trainer
from dassl.utils import load_checkpoint, set_random_seed
from dassl.utils.model_folder import newest_of

from tests.engine import toy


@pytest.mark.parametrize("at", [(1, 0), (2, 3), (4, 1)])
def test_a_killed_run_resumes_bit_for_bit(root, tmp_path, at):
    whole = toy.trained(root, tmp_path / "whole")
    assert toy.ended(root, tmp_path / "killed", at) == -9
    again = toy.trained(root, tmp_path / "killed")
    assert again.start_epoch == at[0]
    toy.assert_same(whole, again)


def test_the_best_epoch_on_validation_is_kept_and_deployed(root, tmp_path, capsys):
    cfg = toy.config(root, tmp_path / "run")
    cfg.TEST.FINAL_MODEL = "best_val"
    set_random_seed(3)
    build_trainer(cfg).train()
    out = capsys.readouterr().out
    assert out.count("Evaluate on the *val* set") == 5
    assert "Deploy the model with the best val performance" in out and "model-best.pth.tar" in out
    accuracies = [float(a) for a in re.findall(r"\* accuracy: ([\d.]+)%", out)[:5]]
    best = load_checkpoint(str(tmp_path / "run/head/model-best.pth.tar"))
    assert best["val_result"] == pytest.approx(max(accuracies), abs=0.05)


def test_a_run_with_only_its_best_epoch_resumes_there(root, tmp_path):
    cfg = toy.config(root, tmp_path / "run")
    cfg.TEST.FINAL_MODEL, cfg.TRAIN.CHECKPOINT_FREQ = "best_val", 0
    trainer = build_trainer(cfg)
    trainer.epoch = 1
    trainer._save_if_best(50.0)
    assert newest_of(str(tmp_path / "run" / "head")) == "model-best.pth.tar"
    again = build_trainer(cfg)
    torch.nn.init.zeros_(again.head.weight)
    assert again.resume_model_if_exist(str(tmp_path / "run")) == 2
    assert torch.equal(again.head.weight, trainer.head.weight)
    assert again.best_result == 50.0


def test_a_kill_after_the_best_epochs_file_does_not_lose_the_epochs_own(root, tmp_path):
    cfg = toy.config(root, tmp_path / "run", MAX_EPOCH=2)
    cfg.TEST.FINAL_MODEL = "best_val"
    trainer = build_trainer(cfg)
    trainer.epoch = 1
    trainer._save_if_best(50.0)
    file = tmp_path / "run" / "head" / "model.pth.tar-2"
    assert not file.exists()
    build_trainer(cfg).train()
    assert load_checkpoint(str(file))["epoch"] == 2


def test_a_run_that_resumes_another_resumes_its_own_checkpoints_later(root, tmp_path, capsys):
    toy.trained(root, tmp_path / "first", MAX_EPOCH=1)
    cfg = toy.config(root, tmp_path / "second", MAX_EPOCH=3)
    cfg.RESUME = str(tmp_path / "first")
    build_trainer(cfg).train()
    assert f'Found checkpoint in "{tmp_path}/first". Will' in capsys.readouterr().out
    shutil.rmtree(tmp_path / "second" / "body")  # not all models have a checkpoint there
    build_trainer(cfg).train()
    assert f'Found checkpoint in "{tmp_path}/first"' in capsys.readouterr().out
    (tmp_path / "second" / "head" / "checkpoint").write_text("model.pth.tar-2\n")
    build_trainer(cfg).train()
    out = capsys.readouterr().out
    assert f'Found checkpoint in "{tmp_path}/second". Will resume training (epoch = 2)' in out


@pytest.mark.parametrize("left", ["nothing", "body", "pointer"])
def test_a_folder_to_resume_must_hold_a_run_of_this_trainer(root, tmp_path, left):
    cfg = toy.config(root, tmp_path / "run")
    cfg.RESUME = str(tmp_path / "other")
    if left != "nothing":
        toy.trained(root, tmp_path / "other", MAX_EPOCH=1)
        shutil.rmtree(tmp_path / "other" / "head")
    if left == "pointer":  # to a file that is gone
        (tmp_path / "other" / "head").mkdir()
        (tmp_path / "other" / "head" / "checkpoint").write_text("model.pth.tar-9\n")
    missing = "body" if left == "nothing" else "head"
    says = f"^nothing to resume in .*other: a run of ToyTrainer leaves {missing}/checkpoint there"
    with pytest.raises(FileNotFoundError, match=says):
        build_trainer(cfg).train()
    assert not (tmp_path / "run").exists()


def test_a_damaged_best_epoch_of_the_run_that_is_resumed_gets_no_new_checksum(root, tmp_path):
    cfg = toy.config(root, tmp_path / "first", MAX_EPOCH=1)
    cfg.TEST.FINAL_MODEL = "best_val"
    build_trainer(cfg).train()
    best = tmp_path / "first" / "body" / "model-best.pth.tar"
    best.write_bytes(best.read_bytes()[:-1] + b"x")
    cfg.RESUME, cfg.OUTPUT_DIR = str(tmp_path / "first"), str(tmp_path / "second")
    with pytest.raises(ValueError, match="first/body/model-best.pth.tar is damaged"):
        build_trainer(cfg).train()
    assert not (tmp_path / "second" / "body" / "model-best.pth.tar").exists()


def test_the_best_epoch_of_the_run_that_is_resumed_is_deployed(root, tmp_path, capsys):
    cfg = toy.config(root, tmp_path / "first")
    cfg.TEST.FINAL_MODEL = "best_val"
    trainer = build_trainer(cfg)
    trainer.epoch = 1
    trainer._save_if_best(100.0)  # so that no later epoch is better
    best = (tmp_path / "first" / "head" / "model-best.pth.tar").read_bytes()
    cfg.RESUME, cfg.OUTPUT_DIR = str(tmp_path / "first"), str(tmp_path / "second")
    build_trainer(cfg).train()
    copy = tmp_path / "second" / "head" / "model-best.pth.tar"
    assert f"Load {copy} to head (epoch=2, val_result=100.0)" in capsys.readouterr().out
    assert copy.read_bytes() == best
    copy.write_bytes(b"its own")
    build_trainer(cfg)._copy_best(cfg.RESUME)
    assert copy.read_bytes() == b"its own"


def test_a_test_after_the_last_epoch_is_logged_there_in_a_resumed_run(root, tmp_path):
    """A kill between the last checkpoint and the result leaves no epoch to train."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    toy.trained(root, tmp_path / "run", MAX_EPOCH=3)
    shutil.rmtree(tmp_path / "run" / "tensorboard")
    toy.trained(root, tmp_path / "run", MAX_EPOCH=3)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("test/accuracy")] == [2]


def test_plug_ins_find_these_names_in_the_trainer_module():
    names = "AverageMeter MetricMeter SimpleTrainer SummaryWriter TrainerBase TrainerX TrainerXU"
    assert all(hasattr(dassl.engine.trainer, name) for name in names.split())


@pytest.mark.parametrize("key, value", [("FINAL_MODEL", "best_val"), ("SPLIT", "val")])
def test_a_part_that_is_not_there_is_refused_before_training(root, tmp_path, key, value, capsys):
    cfg = toy.config(root, tmp_path / "run")
    cfg.TEST[key] = value
    trainer = build_trainer(cfg)
    trainer.val_loader = None
    with pytest.raises(
        ValueError, match=f"^TEST.{key} is {value}, but dataset Toy has no val part"
    ):
        trainer.train()
    assert "epoch [" not in capsys.readouterr().out and not (tmp_path / "run").exists()
    cfg.TEST.NO_TEST = True  # validates nothing, as in Dassl
    trainer.train()


def test_a_test_does_not_take_other_images_than_those_asked_for(root, tmp_path):
    cfg = toy.config(root, tmp_path / "run")
    trainer = build_trainer(cfg)
    trainer.val_loader = None
    trainer.test()
    with pytest.raises(ValueError, match="^a test is asked for, but dataset Toy has no val"):
        trainer.test(split="val")
    cfg.TEST.SPLIT = "val"
    with pytest.raises(ValueError, match="^TEST.SPLIT is val, but dataset Toy has no val"):
        trainer.test()


def test_a_line_says_that_validation_images_are_test_images(root, tmp_path, capsys):
    cfg = toy.config(root, tmp_path / "run", MAX_EPOCH=1)
    cfg.TEST.FINAL_MODEL = "best_val"
    build_trainer(cfg).train()
    assert "Note: 9 of the 9 validation images are test images" in capsys.readouterr().out
    cfg.OUTPUT_DIR = str(tmp_path / "apart")
    apart = build_trainer(cfg)
    apart.test_loader.dataset.data_source = 2 * apart.dm.dataset.train_x[1::2]
    apart.train()
    assert "are test images" not in capsys.readouterr().out


def test_a_training_without_better_epochs_stops(root, tmp_path, capsys, monkeypatch):
    cfg = toy.config(root, tmp_path / "run", MAX_EPOCH=9)
    cfg.TEST.FINAL_MODEL, cfg.TRAIN.PATIENCE = "best_val", 2
    trainer = build_trainer(cfg)
    accuracies = iter([20.0, 50.0, 50.0, 40.0])
    test = trainer.test

    def scripted(split=None):
        return next(accuracies) if split == "val" else test(split)

    monkeypatch.setattr(trainer, "test", scripted)
    trainer.train()
    assert trainer.epoch + 1 == 4
    out = capsys.readouterr().out
    assert "Stop after epoch 4: epoch 2 has the best validation accuracy (TRAIN.PATIENCE 2)" in out
    assert "Deploy the model with the best val performance" in out
    best = load_checkpoint(str(tmp_path / "run/head/model-best.pth.tar"))
    assert best["epoch"] == 2
    again = build_trainer(cfg)  # stays where it stopped
    again.train()
    assert again.start_epoch == 4 and "Stop after epoch 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    "final, patience, message",
    [
        ("last_step", 3, "TRAIN.PATIENCE is 3, but no epoch is validated; add TEST.FINAL_MODEL"),
        ("best_val", -1, "TRAIN.PATIENCE is -1; it must be at least 0"),
    ],
)
def test_patience_needs_validation(root, tmp_path, final, patience, message):
    cfg = toy.config(root, tmp_path / "run")
    cfg.TEST.FINAL_MODEL, cfg.TRAIN.PATIENCE = final, patience
    with pytest.raises(ValueError, match=message):
        build_trainer(cfg).train()


def test_a_method_without_optimizers_has_epochs_of_its_own(root, tmp_path, capsys, monkeypatch):
    trainer = build_trainer(toy.config(root, tmp_path / "run", MAX_EPOCH=1))
    trainer._models.clear()  # nothing is registered
    monkeypatch.setattr(trainer, "run_epoch", lambda: None)
    trainer.train()
    assert "Finish training" in capsys.readouterr().out
