"""The state of all models in one file: a save that a kill has cut is finished from it."""

import os

import pytest
import torch
from dassl.engine import build_trainer
from dassl.utils import unfinished

from tests.engine import toy

MODELS = ["body", "head"]
SAVE = {"is_best": True, "model_name": ""}


def cut_save(root, output, save=SAVE, models=MODELS):
    """A run killed in the save of epoch 2, before the first file; its trainer."""
    trainer = build_trainer(toy.config(root, output))
    trainer.save_model(0, str(output))
    torch.nn.init.constant_(trainer.head.weight, 2.0)
    states = {name: trainer._state(name, 2) for name in models}
    unfinished.write(str(output), states, save)
    return trainer


def resumed(root, output, directory):
    trainer = build_trainer(toy.config(root, output))
    return trainer, trainer.resume_model_if_exist(str(directory))


def test_a_save_is_finished_for_all_models(root, tmp_path):
    whole = cut_save(root, tmp_path / "run")
    again, done = resumed(root, tmp_path / "run", tmp_path / "run")
    assert done == 2
    toy.assert_same(whole, again)
    files = {"checkpoint", "model-best.pth.tar", "model.pth.tar-1", "model.pth.tar-2"}
    assert all(set(os.listdir(tmp_path / "run" / name)) == files for name in MODELS)
    assert sorted(os.listdir(tmp_path / "run")) == MODELS


def test_a_save_of_the_run_that_is_resumed_is_finished_in_the_own_folder(root, tmp_path):
    whole = cut_save(root, tmp_path / "first")
    before = sorted(tmp_path.glob("first/**/*"))
    again, done = resumed(root, tmp_path / "second", tmp_path / "first")
    assert done == 2 and sorted(tmp_path.glob("first/**/*")) == before
    toy.assert_same(whole, again)
    assert (tmp_path / "second" / "head" / "model-best.pth.tar").is_file()


@pytest.mark.parametrize(
    "save, models, warning",
    [
        ({"is_best": True}, MODELS, "does not say what was saved"),
        ({"is_best": True, "model_name": "../model.pth.tar-9"}, MODELS, "does not say what was"),
        ({"is_best": 1, "model_name": ""}, MODELS, "does not say what was saved"),
        (SAVE, ["body"], "is not the state of these models: body, head"),
        (None, MODELS, "does not say at which batch it is"),
    ],
)
def test_a_state_that_does_not_fit_is_named_and_the_epoch_before_is_used(
    root, tmp_path, capsys, save, models, warning
):
    cut_save(root, tmp_path / "run", save, models)
    assert resumed(root, tmp_path / "run", tmp_path / "run")[1] == 1
    assert f"Warning: {tmp_path}/run/unfinished.state {warning}" in capsys.readouterr().out
