"""A run of train.py that is planned: its command line, its folder, its result, what it needs."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from promptsrc.command import STOP_SIGNALS
from runs import saved_config
from runs.arguments import parse_args, setup_config
from runs.results import parse_run
from runs.settings import ROOT

if TYPE_CHECKING:
    from yacs.config import CfgNode


@dataclass(frozen=True)
class Job:
    """One run of train.py."""

    words: tuple[str, ...]  # its command line
    folder: Path
    end_signals: tuple[str, ...]  # log lines that its result follows: TRAINED or TESTED
    needs: "Job | None" = None  # the run whose prompts it tests

    @property
    def command(self) -> list[str]:
        return train_command(self.words)

    @property
    def args(self) -> argparse.Namespace:
        return parse_args(self.words)

    def config(self) -> "CfgNode":
        """The configuration of the run.

        Raises:
            ValueError, OSError: train.py will refuse it.
        """
        return setup_config(self.args)

    def accuracy(self) -> float | None:
        """In percent; None until the run is finished."""
        result = parse_run(self.folder, self.end_signals)
        return result[1] if result else None

    def result(self) -> float:
        """The accuracy of a finished run.

        Raises:
            ValueError: it has none.
        """
        if (accuracy := self.accuracy()) is None:
            raise ValueError(f"{self.folder} has no result; its log.txt shows why")
        return accuracy

    def is_finished(self) -> bool:
        """Whether the folder has the result of this run; train.py refuses that of another one."""
        return self.accuracy() is not None and saved_config.matches(self.config())


def train_command(words: Iterable[str]) -> list[str]:
    """What starts train.py as a process."""
    return [sys.executable, str(ROOT / "train.py"), *words]


def unfinished(jobs: Iterable[Job]) -> Iterator[Job]:
    """The jobs to run, one after another; prints which are finished."""
    for job in jobs:
        if job.is_finished():
            print(
                f"{job.folder} has a finished run ({job.result():.1f}%); "
                "to start afresh, delete it or use another --output-dir"
            )
        else:
            yield job


def run_in_turn(jobs: Iterable[Job]) -> int:
    """Run what is not finished, each as a process; 0, or the first exit code of a failure."""
    return next((code for job in unfinished(jobs) if (code := call(job.command))), 0)


def call(command: Sequence[str]) -> int:
    """Run a process and return its exit code; it gets our stop signals, and time to save."""
    with subprocess.Popen(command) as process:
        # Ctrl-C in a terminal reaches the process as well, without our help
        handlers = {signal.SIGINT: signal.SIG_IGN}
        handlers |= dict.fromkeys(STOP_SIGNALS, lambda number, _: process.send_signal(number))
        former = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            return process.wait()
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
