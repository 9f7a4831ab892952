"""What a training takes, and what a test takes."""

import time

from trainers import memory, pack


class Phase:
    """Seconds and memory from when it is made until `stop`; None where unknown.

    The runs of a pack share both, so neither is known of one of them.
    """

    def __init__(self) -> None:
        self._alone = pack.joined() is None
        self._counts_memory = self._alone and memory.restart()
        self._started = time.perf_counter()
        self._stopped: tuple[float | None, float | None] | None = None

    @property
    def seconds(self) -> float | None:
        if self._stopped:
            return self._stopped[0]
        return time.perf_counter() - self._started if self._alone else None

    @property
    def peak_gib(self) -> float | None:
        if self._stopped:
            return self._stopped[1]
        peak = memory.since_restart() if self._counts_memory else None
        return peak and peak / memory.GIB

    def stop(self) -> None:
        """What it has taken stays as it is now."""
        self._stopped = self.seconds, self.peak_gib
