"""The accuracies in the logs of runs, which say whether a run is finished.

The log of a run is `log.txt`. A run that was interrupted and resumed has a later `log.txt-<time>`,
which counts if `log.txt` has no result.
"""

import re
from collections.abc import Sequence
from pathlib import Path

TRAINED = ("Finish training", "Finished training")  # of Dassl and CoOp; of MaPLe and PromptSRC
TESTED = ("=> result",)


def parse_log(path: Path, end_signals: Sequence[str], keyword: str = "accuracy") -> float | None:
    """The last `* <keyword>: <number>%` after a line that is an end signal; None without one."""
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
    """The log of a run that has its result, and the result; None without one.

    That is `log.txt`, or else the newest log of the resumed run.
    """
    logs = [folder / "log.txt", *sorted(folder.glob("log.txt-*"), reverse=True)]
    for log in filter(Path.is_file, logs):
        if (value := parse_log(log, end_signals, keyword)) is not None:
            return log, value
    return None


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, sorted, without hidden ones.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def harmonic_mean(base: float, new: float) -> float:
    return 2 * base * new / (base + new) if base + new else 0.0


def interval(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of an accuracy in percent: 5 of 8 is 24 to 91 (Clopper, Pearson 1934)."""
    from scipy.special import betaincinv  # scipy.stats takes 4 ms for each

    low = betaincinv(right, total - right + 1, 0.025) if right else 0.0
    high = betaincinv(right + 1, total - right, 0.975) if right < total else 1.0
    return 100 * float(low), 100 * float(high)
