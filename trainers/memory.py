"""The most memory that a process takes, as a whole and from one `restart` to the next."""

import ctypes
import sys
from pathlib import Path

GIB = 2**30
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's mallopt(3)
_before_restart = 0


def peak() -> int | None:
    """Bytes that PyTorch took of a GPU, else resident in this process; None where unknown."""
    now = since_restart()
    return now and max(now, _before_restart)


def since_restart() -> int | None:
    """The same, counted from the last `restart`."""
    import torch

    return torch.cuda.max_memory_allocated() if torch.cuda.is_initialized() else resident("VmHWM")


def restart() -> bool:
    """Count anew from what is taken now; whether that is possible here."""
    global _before_restart
    import torch

    _before_restart = peak() or 0
    if torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
        return True
    try:
        CLEAR.write_text("5")  # resets VmHWM, see proc(5)
    except OSError:
        return False
    return True


def resident(field: str) -> int | None:
    """Bytes of this process, now (VmRSS) or at most (VmHWM); None without Linux's /proc."""
    if not STATUS.is_file():
        return None
    lines = [line for line in STATUS.read_text().splitlines() if line.startswith(field)]
    return int(lines[0].split()[1]) * 1024 if lines else None


def keep_freed() -> None:
    """From now on freed memory is used again, not given back to the system and asked for anew.

    Every step asks for as much, and each page costs a fault. Other libraries than glibc decide for
    themselves.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(MMAP_THRESHOLD, 2**25)  # the most that it takes
        libc.mallopt(TRIM_THRESHOLD, 2**31 - 1)
