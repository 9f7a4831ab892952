"""The most memory that a run took; its log ends with it."""

import re
from pathlib import Path

LOGGED = re.compile(r"^Peak memory: ([.\d]+) GiB$", re.MULTILINE)


def logged(folder: Path) -> float | None:
    """The largest peak in the logs of a run, in GiB; None without one."""
    logs = (log.read_text(encoding="utf-8", errors="replace") for log in folder.glob("log.txt*"))
    return max((float(peak) for text in logs for peak in LOGGED.findall(text)), default=None)
