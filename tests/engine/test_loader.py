"""Loading processes that are killed or crash are noticed between two steps, and training resumes."""

import multiprocessing
import os
import signal

import pytest
import torch
from dassl.data.loader import Loader, LoadingProcessKilled
from dassl.engine import build_trainer
from dassl.utils import set_random_seed

from tests.engine import toy
from tests.engine.test_trainer import assert_same


@pytest.fixture
def root(tmp_path):
    (tmp_path / "data").mkdir()
    toy.write_images(tmp_path / "data")
    return tmp_path / "data"


class Numbers(torch.utils.data.Dataset):
    """0 to 9; `at_7` is called in the loading process."""

    def __init__(self, at_7):
        self.at_7 = at_7

    def __len__(self):
        return 10

    def __getitem__(self, index):
        return self.at_7() if index == 7 else index


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def crash():
    os._exit(3)


def fail():
    raise RuntimeError("no 7")


@pytest.mark.parametrize(
    "at_7, error, says",
    [
        (kill, LoadingProcessKilled, r"^SIGKILL of a loading process \(out of memory\?\)$"),
        (
            crash,
            ChildProcessError,
            r"^a loading process crashed \(exit code 3\); use DATALOADER.NUM_WORKERS 0 to see where$",
        ),
        (fail, RuntimeError, "no 7"),
    ],
)
def test_a_lost_process_is_named_where_its_batch_is_asked_for(at_7, error, says):
    batches = iter(Loader(Numbers(at_7), batch_size=1, num_workers=1))
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
    assert [next(batches).item() for _ in range(5)] == list(range(5))
    with pytest.raises(error, match=says):
        list(batches)


def test_the_callers_own_handler_stays():
    def handler(*_): ...

    former = signal.signal(signal.SIGCHLD, handler)
    try:
        assert len(list(Loader(Numbers(int), batch_size=1, num_workers=2))) == 10
        assert signal.getsignal(signal.SIGCHLD) is handler
    finally:
        signal.signal(signal.SIGCHLD, former)


def toy_trainer(root, output, workers):
    cfg = toy.config(root, output, MAX_EPOCH=2)
    (
        cfg.DATALOADER.NUM_WORKERS,
        cfg.DATALOADER.TRAIN_X.BATCH_SIZE,
        cfg.DATALOADER.TEST.BATCH_SIZE,
    ) = workers, 1, 1
    set_random_seed(3)
    return build_trainer(cfg)


def kill_one():
    multiprocessing.active_children()[0].kill()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_training_resumes_bit_for_bit_after_the_kill_of_a_loading_process(
    root, tmp_path, workers
):
    (whole := toy_trainer(root, tmp_path / "whole", workers)).train()
    killed = toy_trainer(root, tmp_path / "killed", workers)
    step = killed.forward_backward

    def step_and_kill(batch):
        if (killed.epoch, killed.batch_idx) == (1, 2):
            kill_one()
        return step(batch)

    killed.forward_backward = step_and_kill
    with pytest.raises(
        LoadingProcessKilled,
        match=r"^SIGKILL .* in epoch 2 after batch \d+ of 18; its state is saved$",
    ):
        killed.train()
    killed.close_writer()
    again = toy_trainer(root, tmp_path / "killed", workers)
    again.train()
    assert again.start_epoch == 1
    assert_same(whole, again)


def test_a_test_ends_with_one_error(root, tmp_path):
    trainer = toy_trainer(root, tmp_path / "run", 2)
    infer = trainer.model_inference
    trainer.model_inference = lambda images: kill_one() or infer(images)
    with pytest.raises(
        LoadingProcessKilled, match=r"^SIGKILL of a loading process \(out of memory\?\)$"
    ):
        trainer.test()
