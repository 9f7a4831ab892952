"""The accuracy that a run has logged.

The log of a run is `log.txt`. A run that was interrupted and resumed has a later `log.txt-<time>`,
which counts where `log.txt` has no result.
"""

import re
from collections.abc import Sequence
from pathlib import Path

TRAINED = (
    "Finish training",
    "Finished training",
)  # Dassl and CoOp; the MaPLe and PromptSRC repositories
TESTED = ("=> result",)


def parse_log(path: Path, end_signals: Sequence[str], keyword: str = "accuracy") -> float | None:
    """The last `* <keyword>: <number>%` behind a line that is one of the end signals; None where there is none."""
    number = re.compile(rf"\* {re.escape(keyword)}: (\d+\.?\d*(?:[eE][+-]?\d+)?)%")
    found, ended = None, False
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        ended = ended or line.strip() in end_signals
        if ended and (match := number.search(line)):
            found = float(match.group(1))
    return found


def parse_run(
    folder: Path, end_signals: Sequence[str], keyword: str = "accuracy"
) -> tuple[Path, float] | None:
    """A run's log and the result in it: of `log.txt`, or else of the newest log of the run's continuations."""
    logs = [folder / "log.txt", *sorted(folder.glob("log.txt-*"), reverse=True)]
    for log in filter(Path.is_file, logs):
        if (value := parse_log(log, end_signals, keyword)) is not None:
            return log, value
    return None
