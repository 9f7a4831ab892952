"""A loading process that is killed or crashes ends the run with one error, and it resumes."""

import multiprocessing
import os
import signal
import time

import pytest
import torch
from dassl.data.loader import Loader, LoadingProcessKilled, killed_on_failure
from dassl.engine import build_trainer
from dassl.utils import set_random_seed

from tests.engine import toy

KILLED = r"^SIGKILL of a loading process \(out of memory\?\)$"


class Numbers(torch.utils.data.Dataset):
    """0 to 9; the loading process calls `action` instead at some index."""

    def __init__(self, action, at=7):
        self.action, self.at = action, at

    def __len__(self):
        return 10

    def __getitem__(self, index):
        return self.action() if index == self.at else index


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def crash():
    os._exit(3)


def stuck():
    time.sleep(60)


def fail():
    raise RuntimeError("no 7")


@pytest.mark.parametrize(
    "action, error, says",
    [
        (kill, LoadingProcessKilled, KILLED),
        (crash, ChildProcessError, r"^a loading process crashed \(exit code 3\); use DATALOADER"),
        (fail, RuntimeError, "no 7"),
    ],
)
def test_a_lost_process_is_an_error_where_its_batch_is_requested(action, error, says):
    batches = iter(Loader(Numbers(action), batch_size=1, num_workers=1))
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
    assert [next(batches).item() for _ in range(5)] == list(range(5))
    with pytest.raises(error, match=says):
        list(batches)


def test_a_failure_does_not_wait_for_processes_that_are_stuck(monkeypatch):
    # what PyTorch waits for a process that does not end: beyond the time of a test
    monkeypatch.setattr("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 1000.0)
    before = multiprocessing.active_children()
    batches = iter(Loader(Numbers(stuck, 2), batch_size=1, num_workers=2))
    next(batches)
    started = [p for p in multiprocessing.active_children() if p not in before]
    with pytest.raises(ZeroDivisionError), killed_on_failure():
        raise ZeroDivisionError
    del batches  # waits for its processes
    assert len(started) == 2 and not any(process.is_alive() for process in started)


def test_a_handler_of_the_caller_stays():
    def handler(*_): ...

    former = signal.signal(signal.SIGCHLD, handler)
    try:
        assert len(list(Loader(Numbers(int), batch_size=1, num_workers=2))) == 10
        assert signal.getsignal(signal.SIGCHLD) is handler
    finally:
        signal.signal(signal.SIGCHLD, former)


def toy_trainer(root, output, workers):
    cfg = toy.config(root, output, MAX_EPOCH=2)
    cfg.DATALOADER.NUM_WORKERS = workers
    cfg.DATALOADER.TRAIN_X.BATCH_SIZE = cfg.DATALOADER.TEST.BATCH_SIZE = 1
    set_random_seed(3)
    return build_trainer(cfg)


def kill_one():
    multiprocessing.active_children()[0].kill()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_training_resumes_bit_for_bit_after_a_kill(root, tmp_path, workers):
    (whole := toy_trainer(root, tmp_path / "whole", workers)).train()
    killed = toy_trainer(root, tmp_path / "killed", workers)
    step = killed.forward_backward

    def step_and_kill(batch):
        if (killed.epoch, killed.batch_idx) == (1, 2):
            kill_one()
        return step(batch)

    killed.forward_backward = step_and_kill
    says = r"^SIGKILL .* in epoch 2 after batch \d+ of 18; its state is saved$"
    with pytest.raises(LoadingProcessKilled, match=says):
        killed.train()
    killed.close_writer()
    again = toy_trainer(root, tmp_path / "killed", workers)
    again.train()
    assert again.start_epoch == 1
    toy.assert_same(whole, again)


def test_a_test_ends_with_one_error(root, tmp_path):
    trainer = toy_trainer(root, tmp_path / "run", 2)
    infer = trainer.model_inference
    trainer.model_inference = lambda images: kill_one() or infer(images)
    with pytest.raises(LoadingProcessKilled, match=KILLED):
        trainer.test()
