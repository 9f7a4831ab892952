"""A DataLoader that fails in one place only: where the next batch is asked for."""

import atexit
import multiprocessing.util  # its exit hook waits for daemons; imported first, it runs after ours
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from torch.utils.data import DataLoader

from dassl.utils.signals import SIGNALS, Stopped


class LoadingProcessKilled(Stopped):
    """The system killed a loading process, mostly for its memory."""


class Loader(DataLoader):
    """A `DataLoader` without PyTorch's SIGCHLD handler.

    That handler raises RuntimeError between any two instructions of the main process, even while it
    exits. Without it, `next()` notices a lost process itself, within five seconds.
    """

    def __iter__(self) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        others = multiprocessing.active_children()
        with _default_sigchld():
            batches = super().__iter__()
        return _watched(batches, [p for p in multiprocessing.active_children() if p not in others])


def _watched(batches: Iterator[Any], processes: Sequence[BaseProcess]) -> Iterator[Any]:
    """
    Raises:
        LoadingProcessKilled: one of the processes got SIGKILL.
        ChildProcessError: one of them crashed.
    """
    try:
        yield from batches
    except (
        RuntimeError,
        ConnectionError,
        EOFError,
    ) as error:  # the last two while the process is dying
        codes = {process.exitcode for process in _ended(processes)} - {0}
        if -9 in codes:
            raise LoadingProcessKilled("SIGKILL of a loading process (out of memory?)") from error
        if codes:
            raise ChildProcessError(
                f"a loading process crashed (exit code {min(codes)}); DATALOADER.NUM_WORKERS 0 shows where"
            ) from error
        raise


def _ended(processes: Sequence[BaseProcess]) -> list[BaseProcess]:
    """Those that have ended, or do so within a second."""
    sentinels = wait([process.sentinel for process in processes], timeout=1)
    ended = [process for process in processes if process.sentinel in sentinels]
    for process in ended:
        process.join()
    return ended


def ignore_stop_signals(_: int) -> None:
    """In a loading process: a signal to the whole group stops the main process, which ends this one."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@atexit.register
def _end_loading_processes() -> None:
    """Kill those that a failure has left: they ignore SIGTERM, so multiprocessing would wait for ever."""
    with _default_sigchld():
        daemons = [process for process in multiprocessing.active_children() if process.daemon]
        for process in daemons:
            process.kill()
        for process in daemons:
            process.join()


@contextmanager
def _default_sigchld() -> Iterator[None]:
    """SIGCHLD has no handler within the block, and its former one after it."""
    if not hasattr(signal, "SIGCHLD") or threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, former or signal.SIG_DFL)  # None: not Python's
