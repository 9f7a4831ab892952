"""Failures of TensorBoard's log are one line, also those of its thread."""

import errno
import shutil
import threading

import pytest
from dassl.engine import build_trainer
from dassl.engine.run_writer import RunWriter

from tests.engine import toy


def worker_of(writer):
    return writer.file_writer.event_writer._async_writer._worker


def test_the_folder_is_gone(tmp_path, capfd):
    writer = RunWriter(str(tmp_path / "run" / "tensorboard"))
    writer.add_scalar("a", 1.0, 1)
    shutil.rmtree(tmp_path / "run")
    says = "run/tensorboard is gone: the output folder was deleted or moved during the run; start"
    for work in (lambda: writer.add_scalar("a", 1.0, 2), writer.close):
        with pytest.raises(FileNotFoundError, match=says):
            work()
    worker_of(writer).join(5)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("work", [lambda w: w.add_scalar("a", 1.0, 2), lambda w: w.close()])
def test_the_disk_is_full(tmp_path, capfd, work):
    writer = RunWriter(str(tmp_path / "log"))
    full = OSError(errno.ENOSPC, "No space left on device")

    def write(data):
        raise full

    worker_of(writer)._record_writer.write = write
    writer.add_scalar("a", 1.0, 1)
    worker_of(writer).join(5)
    says = r"TensorBoard's log in .*/log can't be written \(No space left on device\); free some"
    with pytest.raises(OSError, match=says):
        work(writer)
    assert capfd.readouterr().err == ""


def test_failures_of_other_threads_are_shown(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    RunWriter(str(tmp_path)).close()
    thread = threading.Thread(target=(tmp_path / "none").read_text)
    thread.start()
    thread.join()
    assert [failure.exc_type for failure in seen] == [FileNotFoundError]


def test_a_training_whose_folder_is_deleted_writes_nothing_there(root, tmp_path):
    trainer = build_trainer(toy.config(root, tmp_path / "run"))
    after_epoch = trainer.after_epoch

    def then_deleted():
        after_epoch()
        shutil.rmtree(tmp_path / "run")

    trainer.after_epoch = then_deleted
    with pytest.raises(FileNotFoundError, match="the output folder was deleted or moved"):
        trainer.train()
    assert trainer.epoch == 1 and not (tmp_path / "run").exists()
