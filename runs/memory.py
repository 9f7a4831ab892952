"""The most memory that a run takes; its log ends with it."""

import re
from pathlib import Path

GIB = 2**30
LOGGED = re.compile(r"^Peak memory: ([.\d]+) GiB$", re.MULTILINE)


def peak() -> int | None:
    """Bytes that PyTorch took of a GPU, else resident in this process; None where unknown."""
    import torch

    return torch.cuda.max_memory_allocated() if torch.cuda.is_initialized() else resident("VmHWM")


def resident(field: str) -> int | None:
    """Bytes of this process, now (VmRSS) or at most (VmHWM); None without Linux's /proc."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    lines = [line for line in status.read_text().splitlines() if line.startswith(field)]
    return int(lines[0].split()[1]) * 1024 if lines else None


def logged(folder: Path) -> float | None:
    """The largest peak in the logs of a run, in GiB; None without one."""
    logs = (log.read_text(encoding="utf-8", errors="replace") for log in folder.glob("log.txt*"))
    return max((float(peak) for text in logs for peak in LOGGED.findall(text)), default=None)
