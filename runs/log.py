"""The training curve in the log of a run.

It reads the log, not TensorBoard's events: the runs of every CoOp-style repository have a log, and
its lines name epoch and batch. So the log of a resumed run continues exactly where the one before
it stopped. Events do not: they still hold the steps that a killed run did after its last
checkpoint, next to the same steps of the resumed run.
"""

import math
import re
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path

from runs.results import TRAINED

LINE = re.compile(r"epoch \[(\d+)/(\d+)\] batch \[(\d+)/(\d+)\] (.*) lr (\S+) eta \S")
METER = re.compile(r"(\S+) (\S+) \((\S+)\)")  # name value (mean since the epoch began)
VALIDATION = "Evaluate on the *val* set"
ACCURACY = re.compile(r"\* accuracy: ([.\d]+)%")


@dataclass(frozen=True)
class Line:
    """A logged training step: where it is, the values of its batch, and means over the epoch."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    values: dict[str, float]
    means: dict[str, float]
    lr: float

    @property
    def at(self) -> float:
        """Epochs done: 1.5 is in the middle of the second."""
        return self.epoch - 1 + self.batch / self.batches


@dataclass(frozen=True)
class History:
    """A training from its first epoch to the last logged one."""

    lines: list[Line] = field(default_factory=list)
    validation: dict[int, float] = field(default_factory=dict)  # accuracy in percent, by epoch
    finished: bool = False

    @property
    def epochs_done(self) -> int:
        """Epochs that are complete, as far as the log says: not every batch is logged."""
        last = self.lines[-1]
        return last.epoch if self.finished or last.batch == last.batches else last.epoch - 1

    @property
    def names(self) -> list[str]:
        """The names of the logged values other than times: `loss`, its parts, `acc`."""
        found = dict.fromkeys(name for line in self.lines for name in line.values)
        return [name for name in found if name not in ("time", "data")]

    @property
    def last_of_epochs(self) -> dict[int, Line]:
        return {line.epoch: line for line in self.lines}

    def values(self, name: str) -> list[tuple[float, float]]:
        """(epochs done, value of that batch) of each line."""
        return [(line.at, line.values[name]) for line in self.lines if name in line.values]

    def means(self, name: str) -> list[tuple[float, float]]:
        """(epochs done, mean over the epoch so far) of the last line of each epoch."""
        last = self.last_of_epochs.values()
        return [(line.at, line.means[name]) for line in last if name in line.means]

    @property
    def seconds(self) -> float:
        """Time of the steps and their loading, without start-up and tests."""
        last = self.last_of_epochs.values()
        return sum(line.means["time"] * line.batches for line in last if "time" in line.means)


def read(folder: Path) -> History:
    """All logs of a run; of a step that was repeated, the last time counts.

    They are in the order of their steps, not of the times in their names: clocks are set back, and
    containers differ in their time zone.
    """
    logs = [log for log in sorted(folder.glob("log.txt*")) if log.is_file()]
    return reduce(_joined, sorted(map(_read_log, logs), key=_steps), History())


def _steps(history: History) -> tuple[float, float]:
    """Where a log begins and ends; one without steps, such as that of a test alone, comes last."""
    lines = history.lines
    return (lines[0].at, lines[-1].at) if lines else (math.inf, math.inf)


def _joined(before: History, after: History) -> History:
    if not after.lines:
        return replace(before, finished=before.finished or after.finished)
    first = after.lines[0]
    lines = [line for line in before.lines if line.at < first.at]
    validation = {e: value for e, value in before.validation.items() if e < first.epoch}
    return History(lines + after.lines, validation | after.validation, after.finished)


def _read_log(path: Path) -> History:
    """One log, up to the end of the training."""
    lines: list[Line] = []
    validation: dict[int, float] = {}
    validating = False
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if text.strip() in TRAINED:
            return History(lines, validation, finished=True)
        if match := LINE.match(text):
            lines.append(_line(match))
        elif text.startswith(VALIDATION):
            validating = True
        elif validating and lines and (match := ACCURACY.match(text)):
            validation[lines[-1].epoch] = float(match.group(1))
            validating = False
    return History(lines, validation)


def _line(match: re.Match) -> Line:
    epoch, epochs, batch, batches = map(int, match.groups()[:4])
    found = {
        name: (float(value), float(mean)) for name, value, mean in METER.findall(match.group(5))
    }
    values, means = ({name: pair[i] for name, pair in found.items()} for i in (0, 1))
    return Line(epoch, epochs, batch, batches, values, means, float(match.group(6)))
