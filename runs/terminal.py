"""What a terminal shows of a run. Its log has everything that Dassl prints, which parsers read."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# how lines begin that are in every run of Dassl, and tell the owner of photos nothing
ROUTINE = (
    "Loading trainer:",
    "Loading dataset:",
    "Loading evaluator:",
    "Loading CLIP (",
    "Building transform_",
    "+ ",
    "-----",
    "Dataset  ",
    "# ",
    "No checkpoint found",
    "Found checkpoint in",
    "Initialize tensorboard",
    "Not used by ",
    "Of ",
    "epoch [",
    "Checkpoint saved to",
    "Best checkpoint saved to",
    "Finish training",
    "Deploy the ",
    "Evaluate on the ",
    "=> result",
    "* no image of ",  # said before the training
    "* total:",
    "* correct:",
    "* accuracy:",
    "* error:",
    "* macro_f1:",
    "Elapsed:",
)


@contextmanager
def only_logged() -> Iterator[None]:
    """Print to the log of the run, not to the terminal."""
    with open(os.devnull, "w") as nowhere, _console(nowhere):
        yield


@contextmanager
def brief() -> Iterator[None]:
    """Leave `ROUTINE` lines out of the terminal."""
    logger: Any = sys.stdout
    with _console(Brief(logger.console)):
        yield


@contextmanager
def _console(stream: Any) -> Iterator[None]:
    """Dassl's Logger, which is `sys.stdout` in a run, writes to this stream and its file."""
    logger: Any = sys.stdout
    former, logger.console = logger.console, stream
    try:
        yield
    finally:
        logger.console = former


class Labelled:
    """A stream for one of several runs: each line begins with a name. It is not a terminal."""

    def __init__(self, name: str, stream: Any):
        self.name, self.stream = name, stream
        self._line = ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self.stream.write(f"{self.name}  {line}\n")
        return len(text)

    def flush(self) -> None:
        self.stream.flush()

    def fileno(self) -> int:
        return self.stream.fileno()

    def isatty(self) -> bool:
        return False


class Brief:
    """A text stream without the lines that are `ROUTINE`, line by line."""

    def __init__(self, stream: Any):
        self.stream = stream
        self._line = ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            if not line.startswith(ROUTINE):
                self.stream.write(f"{line}\n")
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
