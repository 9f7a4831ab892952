"""Class names of a checkpoint meet those of the data: what is tested among, what resumes."""

import pytest
import torch
from dassl.engine.random_state import random_state

from promptsrc.checkpoint import among, read_checkpoint
from report.predictions import predictions
from tests.runs.test_unused import built
from tests.trainers.test_checkpoints import CASES, trainer_of
from tests.trainers.test_init_weights import trained

SIX = ["ape", "bat", "cat", "dog", "emu", "fox"]
HALF = "DATASET.SUBSAMPLE_CLASSES"


@pytest.mark.parametrize(
    "trained_on, tested, said",
    [
        (SIX, SIX, ""),
        (SIX, SIX[::-1], ""),
        (SIX, ["Ape", "BAT", "cat", "dog", "emu", "fox"], ""),  # CLIP reads the same
        (None, SIX, ""),  # a file of another implementation
        (SIX, ["bat", "fox"], "among 2 of the 6 trained classes"),
        (SIX, ["bat"], "among 1 of the 6 trained classes"),
        (SIX, ["bat", "owl"], "among 2 classes, 1 of them among the 6 trained"),
        (SIX, ["elk", "owl", "yak"], "among 3 classes, none of them among the 6 trained"),
        (["sad_face", "hut"], ["sad face"], "among 1 of the 2 trained classes"),
    ],
)
def test_among_which_classes_a_test_chooses(trained_on, tested, said):
    assert among(trained_on, tested) == said


@pytest.mark.parametrize("trainer", ["CoOp", "PromptSRC"])
def test_a_test_on_other_classes_says_so_with_its_result(trainer, tmp_path, capsys):
    trained(tmp_path / "all", trainer)
    for half, said in (
        ("base", "among 16 of the 31 trained classes"),
        ("new", "among 15 of the 31 trained classes"),
        ("all", ""),
    ):
        _, model = built(trainer, tmp_path / half, **{HALF: half})
        model.load_model(str(tmp_path / "all"), epoch=1)
        capsys.readouterr()
        model.test()
        out = capsys.readouterr().out
        assert out.endswith(f"* {said}\n") if said else "among" not in out
        assert "=> result\n* total: " in out
    trained(tmp_path / "base", trainer, **{HALF: "base"})
    _, model = built(trainer, tmp_path / "new", **{HALF: "new"})
    model.load_model(str(tmp_path / "base"), epoch=1)
    model.test()
    said = "* among 15 classes, none of them among the 16 trained\n"
    assert capsys.readouterr().out.endswith(said)


@pytest.mark.parametrize("name", ["coop_csc", "ivlp_default"])
def test_a_state_within_an_epoch_is_not_resumed_for_other_classes(tmp_path, name):
    names = CASES[name]["class_names"]
    trainer = trainer_of(name, tmp_path, names, MAX_EPOCH=2)
    trainer.epoch = 0
    trainer.save_unfinished({"batch": 1, "at_start": random_state(), "losses": {}})
    assert not list(tmp_path.glob("*/checkpoint"))  # killed in the first epoch
    swapped = [names[1], names[0], *names[2:]]
    with pytest.raises(ValueError, match=f"there: '{names[0]}', here: '{names[1]}'"):
        trainer_of(name, tmp_path, swapped, MAX_EPOCH=2).resume_model_if_exist(str(tmp_path))
    trainer_of(name, tmp_path, names, MAX_EPOCH=2).resume_model_if_exist(str(tmp_path))


def test_an_older_checkpoint_is_not_resumed_for_other_classes(tmp_path):
    names = CASES["coop_csc"]["class_names"]
    trainer_of("coop_csc", tmp_path, names, MAX_EPOCH=2).train()
    newest = tmp_path / "prompt_learner" / "model.pth.tar-2"
    newest.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=f"there: '{names[0]}', here: '{names[1]}'"):
        other = trainer_of("coop_csc", tmp_path, [names[1], names[0], *names[2:]], MAX_EPOCH=2)
        other.resume_model_if_exist(str(tmp_path))


def test_rows_of_classes_without_names_are_taken_in_order_and_said(tmp_path, capsys):
    names = CASES["coop_csc"]["class_names"]
    trainer_of("coop_csc", tmp_path, names, MAX_EPOCH=1).train()
    path = tmp_path / "prompt_learner" / "model.pth.tar-1"
    content = read_checkpoint(path)
    del content["trainer_state"]  # as in a file of the reference
    torch.save(content, path)
    path.with_name("checkpoint").write_text(f"{path.name}\n")
    trainer = trainer_of("coop_csc", tmp_path, names)
    trainer.load_model(str(tmp_path), 1)
    assert "has learned something for each class and does not name them" in capsys.readouterr().out


def test_rows_of_classes_follow_names_as_clip_reads_them(tmp_path):
    names = CASES["coop_csc"]["class_names"]
    trainer_of("coop_csc", tmp_path, names, MAX_EPOCH=1).train()
    learned = read_checkpoint(tmp_path / "prompt_learner" / "model.pth.tar-1")["state_dict"]["ctx"]
    chosen = trainer_of("coop_csc", tmp_path, [names[2].upper().replace(" ", "_"), names[0]])
    chosen.load_model(str(tmp_path), epoch=1)
    assert torch.equal(chosen.prompts.ctx.data, learned[[2, 0]])


def test_a_report_does_not_test_a_run_on_other_classes_than_its_own(tmp_path):
    trained(tmp_path, "CoOp", **{HALF: "base"})
    checkpoint = tmp_path / "prompt_learner" / "model.pth.tar-1"
    cfg, _ = built("CoOp", tmp_path, **{HALF: "new"})  # as if the folders had changed
    with pytest.raises(ValueError, match="was trained on other classes"):
        predictions(cfg, checkpoint)
