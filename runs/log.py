"""What a run's log says, as numbers.

The log is read rather than TensorBoard's events: every run of this field has one, it needs no package to be read, and its lines
say their epoch and batch, so that the log of a resumed run takes up exactly where the one before stopped to count. Events count
steps, count losses and tests in different ones, and hold what a killed run did after its last checkpoint beside what was done
again.
"""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from runs.results import TRAINED

LINE = re.compile(r"epoch \[(\d+)/(\d+)\] batch \[(\d+)/(\d+)\] (.*) lr (\S+) eta \S")
METER = re.compile(r"(\S+) (\S+) \((\S+)\)")  # name value (mean since the epoch began)
VALIDATION = "Evaluate on the *val* set"
ACCURACY = re.compile(r"\* accuracy: ([.\d]+)%")


@dataclass(frozen=True)
class Line:
    """A line of training: after how many batches of which epoch, the values of that batch, and means over the epoch so far."""

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
    """A training from its first epoch to the last one logged."""

    lines: list[Line] = field(default_factory=list)
    validation: dict[int, float] = field(default_factory=dict)  # accuracy in percent, by epoch
    finished: bool = False

    @property
    def epochs_done(self) -> int:
        """Those with all their batches, as far as the log says it: not every batch is logged."""
        last = self.lines[-1]
        return last.epoch if self.finished or last.batch == last.batches else last.epoch - 1

    @property
    def names(self) -> list[str]:
        """What is measured besides the clock: `loss`, its parts, `acc`."""
        return list(
            dict.fromkeys(
                n for line in self.lines for n in line.values if n not in ("time", "data")
            )
        )

    @property
    def last_of_epochs(self) -> dict[int, Line]:
        return {line.epoch: line for line in self.lines}

    def values(self, name: str) -> list[tuple[float, float]]:
        """(epochs done, value of that batch) of each line."""
        return [(line.at, line.values[name]) for line in self.lines if name in line.values]

    def means(self, name: str) -> list[tuple[float, float]]:
        """(epochs done, mean over the epoch) of each epoch, as far as its last line."""
        return [
            (line.at, line.means[name])
            for line in self.last_of_epochs.values()
            if name in line.means
        ]

    @property
    def seconds(self) -> float:
        """Time of the steps and of waiting for their images; no tests, no start."""
        return sum(
            line.means["time"] * line.batches
            for line in self.last_of_epochs.values()
            if "time" in line.means
        )


def read(folder: Path) -> History:
    """All logs of a run, `log.txt` and then its continuations; what one of them did again counts as it did it."""
    found = History()
    for log in filter(Path.is_file, [folder / "log.txt", *sorted(folder.glob("log.txt-*"))]):
        found = _joined(found, _read_log(log))
    return found


def _joined(before: History, after: History) -> History:
    if not after.lines:
        return replace(before, finished=before.finished or after.finished)
    first = after.lines[0]
    lines = [
        line for line in before.lines if (line.epoch, line.batch) < (first.epoch, first.batch)
    ] + after.lines
    validation = {
        epoch: value for epoch, value in before.validation.items() if epoch < first.epoch
    } | after.validation
    return History(lines, validation, after.finished)


def _read_log(path: Path) -> History:
    """One log, up to the end of its training."""
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
