"""Killed at any file-system call of a save, a run resumes from the old or the new state, whole."""

import os
import sys
from functools import partial
from itertools import count

import pytest
import torch
from dassl.engine import build_trainer
from dassl.engine.random_state import random_state
from dassl.utils import load_checkpoint, model_folder

from promptsrc.checkpoint import read_checkpoint
from runs.config import default_config
from runs.folder import LOCK, held
from tests.engine import toy

CALLS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod")  # audited by Python
OLD, NEW = 1.0, 2.0
MODELS = {1: ["body"], 2: ["body", "head"]}


def killed_before(call, work, folder):
    """Do the work in another process, killed before this file-system call; whether it was."""
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        assert os.WEXITSTATUS(status) in (0, 9)
        return os.WEXITSTATUS(status) == 9
    left = count(call, -1)

    def watch(event, args):
        writes = event != "open" or args[2] & (os.O_WRONLY | os.O_RDWR)
        if event in CALLS and writes and str(args[0]).startswith(str(folder)) and not next(left):
            os._exit(9)

    fsync = os.fsync
    os.fsync = lambda number: (watch("os.remove", [folder]), fsync(number))
    sys.addaudithook(watch)
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


def fill(trainer, value):
    """Give all state of a trainer this value."""
    with torch.no_grad():
        for parameter in (*trainer.body.parameters(), *trainer.head.parameters()):
            parameter.fill_(value)
    trainer.extra, trainer.best_result = torch.full((1,), value), value


def value_of(trainer, models):
    """The one value of all state."""
    values = {trainer.best_result, trainer.extra.item()}
    for name in models:
        values.update(
            torch.cat([p.flatten() for p in getattr(trainer, name).parameters()]).tolist()
        )
    [value] = values
    return value


def unfinished(trainer, folder, epoch, batch):
    trainer.epoch, trainer.output_dir = epoch, str(folder)
    trainer.save_unfinished({"batch": batch, "at_start": random_state(), "losses": {}})


def save(trainer, folder, epoch, **how):
    trainer.save_model(epoch, str(folder), **how)


BEST = {"model_name": model_folder.BEST, "val_result": 1.0}
CASES = {  # what was saved before, and what is being saved
    "the first epoch": ([], partial(save, epoch=0)),
    "a later epoch": ([partial(save, epoch=0)], partial(save, epoch=1)),
    "an epoch again": ([partial(save, epoch=1)], partial(save, epoch=1)),
    "after a state within it": ([partial(unfinished, epoch=0, batch=2)], partial(save, epoch=0)),
    "also as the best": (
        [partial(save, epoch=0, is_best=True)],
        partial(save, epoch=1, is_best=True),
    ),
    "the best alone": ([partial(save, epoch=0, **BEST)], partial(save, epoch=1, **BEST)),
    "the first best": ([partial(save, epoch=0)], partial(save, epoch=1, **BEST)),
    "the first state": ([], partial(unfinished, epoch=0, batch=1)),
    "a later state": (
        [partial(save, epoch=0), partial(unfinished, epoch=1, batch=1)],
        partial(unfinished, epoch=1, batch=2),
    ),
}


def check_files(folder, models):
    """What lies there is what Dassl writes, and no file is called damaged."""
    for name in filter(os.path.isdir, (folder / name for name in models)):
        assert all(file.startswith(("checkpoint", "model")) for file in os.listdir(name))
        assert not any(file.endswith((".sha256", ".state")) for file in os.listdir(name))
    for file in folder.glob("*/model*"):
        assert load_checkpoint(str(file))["epoch"] == read_checkpoint(file)["epoch"]


@pytest.mark.slow
@pytest.mark.parametrize("models", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_a_kill_leaves_the_old_state_or_the_new_one(root, tmp_path, case, models):
    trainer, cfg = build_trainer(toy.config(root, tmp_path)), default_config()
    if models == 1:
        del trainer._models["head"]
    before, saving = CASES[case]
    resumed = []
    for call in count():
        folder = tmp_path / str(call)
        folder.mkdir()
        fill(trainer, OLD)
        for work in before:
            work(trainer, folder)
        fill(trainer, NEW)
        killed = killed_before(call, partial(saving, trainer, folder), folder)
        check_files(folder, MODELS[models])
        cfg.OUTPUT_DIR = str(folder)
        with held(cfg):
            assert {file.name for file in folder.rglob(".*")} == {LOCK}  # no part files
            fill(trainer, 0.0)
            trainer.output_dir, trainer.unfinished = str(folder), None
            trainer.best_result = 0.0
            done = trainer.resume_model_if_exist(str(folder))
            resumed.append(value_of(trainer, MODELS[models]))
            assert (done > 0 or trainer.unfinished is not None) == (resumed[-1] > 0)
            check_files(folder, MODELS[models])
        if "best" in case and (folder / "body" / model_folder.BEST).is_file():
            fill(trainer, resumed[-1])
            trainer.load_model(str(folder))
            best = value_of(trainer, []), trainer.body.bias[0].item()
            assert best[1] >= best[0] or case == "the first best"
            if models == 2:
                assert trainer.head.bias[0].item() == best[1]
        if not killed:
            break
    first = OLD if before else 0.0
    assert resumed == sorted(resumed) and {*resumed} == {first, NEW}
    assert len(resumed) > 5
