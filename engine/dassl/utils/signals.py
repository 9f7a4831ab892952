"""SIGTERM, Ctrl-C and Slurm's early SIGUSR1 stop a training once its step is done and saved."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGTERM", "SIGINT", "SIGUSR1")
SIGNALS = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]  # not all on Windows


class Stopped(KeyboardInterrupt):
    """The training stopped early; the same command resumes it."""


class StopSignals:
    """Notes the first stop signal in `asked`; a second one interrupts at once.

    Attributes:
        awaiting: within the block of `awaited`. In a thread, where Python delivers no signals,
            somebody else sets `asked`.
    """

    def __init__(self) -> None:
        self.asked = ""
        self.awaiting = False

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Note stop signals within the block, also those that the parent process has blocked."""
        self.awaiting = True
        try:
            with self._noted():
                yield
        finally:
            self.awaiting = False

    @contextmanager
    def _noted(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers = {number: signal.signal(number, self._note) for number in SIGNALS}
        can_block = hasattr(signal, "pthread_sigmask")  # not on Windows
        blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS) if can_block else ()
        try:
            yield
        finally:
            if can_block:
                signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self.asked:
            raise KeyboardInterrupt(f"{self.asked} and {name}")
        self.asked = name
        print(f"{name}: stopping after this step; send it again to stop at once", flush=True)
