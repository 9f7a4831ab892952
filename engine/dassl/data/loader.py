"""A DataLoader that fails in one place only: where the next batch is requested."""

import atexit
import multiprocessing.util  # imported first, its exit hook, which joins daemons, runs after ours
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any
from weakref import WeakSet

from torch.utils.data import DataLoader

from dassl.utils.signals import SIGNALS, Stopped

_started: WeakSet[BaseProcess] = WeakSet()  # all loading processes


class LoadingProcessKilled(Stopped):
    """The system killed a loading process, most likely because memory ran out."""


class Loader(DataLoader):
    """A `DataLoader` without PyTorch's SIGCHLD handler.

    When a loading process dies, that handler raises RuntimeError between any two instructions of
    the main process, even while it exits. Without it, requesting a batch notices the loss within
    five seconds.
    """

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        if not self.num_workers:
            return super().__iter__()
        before = multiprocessing.active_children()
        with _default_sigchld():
            batches = super().__iter__()
        started = [p for p in multiprocessing.active_children() if p not in before]
        _started.update(started)
        return _watched(batches, started)


def _watched(batches: Iterator[Any], processes: Sequence[BaseProcess]) -> Iterator[Any]:
    """
    Raises:
        LoadingProcessKilled: one of the processes got SIGKILL.
        ChildProcessError: one of them crashed.
    """
    try:
        yield from batches
    except (RuntimeError, ConnectionError, EOFError) as error:
        codes = [process.exitcode for process in _ended(processes) if process.exitcode]
        if -9 in codes:
            raise LoadingProcessKilled("SIGKILL of a loading process (out of memory?)") from error
        if codes:
            raise ChildProcessError(
                f"a loading process crashed (exit code {codes[0]}); "
                "use DATALOADER.NUM_WORKERS 0 to see where"
            ) from error
        raise


def _ended(processes: Sequence[BaseProcess]) -> list[BaseProcess]:
    """The processes that have ended, or do so within a second."""
    sentinels = wait([process.sentinel for process in processes], timeout=1)
    ended = [process for process in processes if process.sentinel in sentinels]
    for process in ended:
        process.join()
    return ended


def ignore_stop_signals(_: int) -> None:
    """For loading processes: a signal sent to all stops the main process, which ends them."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def killed_on_failure() -> Iterator[None]:
    """If the block fails, kill the loading processes that have not ended a second later.

    PyTorch would wait five seconds for each process that is stuck in a slow read, as soon as its
    iterator is gone; keep the iterator in a variable.
    """
    try:
        yield
    except BaseException:
        timer = threading.Timer(1.0, _kill, [list(_started)])
        timer.daemon = True
        timer.start()
        raise


@atexit.register
def _end_loading_processes() -> None:
    """A failure leaves them running; multiprocessing would send SIGTERM, which they ignore."""
    with _default_sigchld():
        _kill(list(_started))
        for process in _started:
            process.join()


def _kill(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        process.kill()


@contextmanager
def _default_sigchld() -> Iterator[None]:
    """Within the block SIGCHLD has no handler; after it, its former one."""
    if not hasattr(signal, "SIGCHLD") or threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, former or signal.SIG_DFL)  # None: set outside Python
