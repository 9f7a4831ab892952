"""What a trainer is put through on one engine, and what came of it."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tools.plugins.checkout import Checkout
from tools.plugins.launch import STOPPED

LAUNCH = Path(__file__).with_name("launch.py")
LIMIT = 900  # seconds a run; then SIGALRM ends it
CELLS = ("train", "new", "resume")
ERROR = re.compile(r"^(?:\w+\.)*\w+(?:Error|Exception|Interrupt)\b.*", re.MULTILINE)


class Engine:
    """A process that starts runs on the engine in a folder, PYTHONPATH's `dassl`."""

    def __init__(self, folder: Path):
        environment = os.environ | {
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONWARNINGS": "ignore",
        }
        self.process = subprocess.Popen(
            [sys.executable, str(LAUNCH)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, **arguments) -> int:
        """Start a run and wait for its exit code, negative where a signal ended it."""
        print(json.dumps(arguments), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())


@dataclass
class Place:
    """Where runs take place: the engine, made data and weights, and a work folder."""

    engine: Engine
    data: Path
    weights: str
    work: Path


@dataclass
class Outcome:
    """The end of one run of a script."""

    code: int
    output: str
    facts: list[dict] = field(default_factory=list)

    @property
    def error(self) -> str:
        """The exception that ended the run, or its last line."""
        found = ERROR.findall(self.output)
        lines = self.output.strip().splitlines() or [f"exit code {self.code}"]
        return (found or lines)[-1].strip()

    @property
    def losses(self) -> list[dict]:
        return [fact for fact in self.facts if "losses" in fact]

    @property
    def ended(self) -> bool:
        return self.code == 0

    @property
    def epochs(self) -> set[int]:
        """Those that it trained, from 0."""
        return {fact["epoch"] for fact in self.losses}


def run(place: Place, checkout: Checkout, step: str, words: list[str], **how) -> Outcome:
    """Run the checkout's script with these arguments, as the step of this name."""
    log, report = (place.work / f"{step}.{kind}" for kind in ("log", "jsonl"))
    code = place.engine.run(
        folder=str(checkout.folder),
        script=checkout.script,
        words=words,
        log=str(log),
        report=str(report),
        weights=place.weights,
        home=str(place.work),
        limit=LIMIT,
        **{"stop": -1, "probe": False, **how},
    )
    lines = report.read_text().splitlines() if report.exists() else []
    output = log.read_text(encoding="utf-8", errors="replace")
    return Outcome(code, output, [json.loads(line) for line in lines])


def probe(place: Place, checkout: Checkout) -> Outcome:
    """Learn which trainers and datasets the script has."""
    outcome = run(place, checkout, "probe", [], probe=True)
    for fact in outcome.facts:
        if "trainers" in fact:
            checkout.trainers, checkout.datasets = fact["trainers"], fact["datasets"]
    return outcome


@dataclass
class Result:
    """Cells of the table: "yes", "no" or "-" (not asked for); the run that failed first."""

    train: str = "-"
    new: str = "-"
    resume: str = "-"
    failed: Outcome | None = None
    trained: Outcome | None = None
    repeats: bool = True  # two trainings with one seed have the same losses
    exact: bool = False  # the resumed epoch has the losses of an uninterrupted one

    @property
    def redirected(self) -> bool:
        runs = filter(None, (self.trained, self.failed))
        return any("redirected" in fact for run in runs for fact in run.facts)

    def record(self, cell: str, good: bool, outcome: Outcome) -> bool:
        setattr(self, cell, "yes" if good else "no")
        if not good and self.failed is None:
            self.failed = outcome
        return good


def try_out(place: Place, checkout: Checkout, trainer: str) -> Result:
    """Train and test, evaluate new classes, resume."""
    result, output = Result(), place.work / "output"

    def words(folder: str, classes: str = "base") -> list[str]:
        return checkout.command(trainer, place.data, output / folder, classes)

    if checkout.first:
        run(place, checkout.first, "first", words("first"))
    evaluation = ["--eval-only", "--model-dir", str(output / "train")]
    if checkout.trainers[trainer]:
        evaluation += ["--load-epoch", "2"]
        trained = result.trained = run(place, checkout, "train", words("train"))
        if not result.record("train", trained.ended and trained.epochs >= {0, 1}, trained):
            return result
    if checkout.has_new_classes:
        new = run(place, checkout, "new", evaluation + words("new", "new"))
        result.record("new", new.ended, new)
    elif not checkout.trainers[trainer]:
        tested = run(place, checkout, "test", evaluation + words("test"))
        result.record("train", tested.ended, tested)
    if checkout.trainers[trainer]:
        stopped = run(place, checkout, "stopped", words("resume"), stop=1)
        if stopped.code != STOPPED:
            result.record("resume", False, stopped)
            return result
        later = trained.epochs - {0}  # a script may set their number itself
        resumed = run(place, checkout, "resume", words("resume"))
        result.record("resume", resumed.ended and resumed.epochs == later, resumed)
        first, rest = [], []
        for fact in trained.losses:
            (rest if fact["epoch"] else first).append(fact)
        result.repeats = repr(stopped.losses) == repr(first)  # NaN is itself
        result.exact = repr(resumed.losses) == repr(rest)
    return result
