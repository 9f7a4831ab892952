"""A training that is asked to stop finishes its step and saves first: SIGTERM, Ctrl-C, and the SIGUSR1 that Slurm sends ahead."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Windows has no SIGUSR1
SIGNALS = [
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1") if hasattr(signal, name)
]


class Stopped(KeyboardInterrupt):
    """The training was asked to stop, and its state is saved."""


class StopSignals:
    """Which signal asked to stop, if any did; a second one stops at once, with what was saved before."""

    def __init__(self) -> None:
        self.asked = ""  # the signal's name

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """For the time of the block signals are noted, not obeyed; those that our parent has blocked as well.

        In another thread than the main one, where Python can't set handlers, nothing changes.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers = {number: signal.signal(number, self._note) for number in SIGNALS}
        blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt(f"{self.asked} and {signal.Signals(number).name}")
        self.asked = signal.Signals(number).name
        print(f"{self.asked}: stopping after this step; once more stops at once", flush=True)
