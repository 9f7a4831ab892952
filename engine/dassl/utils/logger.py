"""Standard output, also written to a file."""

import contextlib
import os.path as osp
import re
import sys
import time
from typing import TextIO

from dassl.elsewhere import names_of
from dassl.utils.tools import mkdir_if_missing

__getattr__ = names_of(__name__)

# Those that command a terminal or end a line, turn the direction of text, or are not Unicode
CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, keep: str = "") -> str:
    r"""Control characters other than those of `keep` as \x1b, \n: a name is shown, not obeyed."""
    return CONTROL.sub(lambda m: m[0] if m[0] in keep else repr(m[0])[1:-1], text)


class Logger:
    """A stand-in for `sys.stdout` that also writes to a file, see `printable`."""

    def __init__(self, fpath: str | None = None):
        self.console = sys.stdout
        self.file: TextIO | None = None
        if fpath is not None:
            mkdir_if_missing(osp.dirname(osp.abspath(fpath)))
            # line by line, so that a killed run keeps every line
            self.file = open(fpath, "w", buffering=1, encoding="utf-8")  # noqa: SIM115

    def write(self, msg: str) -> None:
        """
        Raises:
            OSError: the file cannot be written; nothing is written to it any more.
        """
        msg = printable(msg, "\n\t")
        self.console.write(msg)
        if self.file is not None:
            try:
                self.file.write(msg)
            except OSError as error:
                file, self.file = self.file, None
                with contextlib.suppress(OSError):  # closing writes what is buffered
                    file.close()
                raise OSError(
                    f"log {file.name} can't be written ({error.strerror}); "
                    "free some space, then start again"
                ) from error

    def flush(self) -> None:
        self.console.flush()
        if self.file is not None:
            self.file.flush()

    def isatty(self) -> bool:
        return self.console.isatty()

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None

    def __enter__(self) -> "Logger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def setup_logger(output: str | None = None) -> None:
    """Copy standard output to `<output>/log.txt`, or to `output` if it is a .txt or .log file.

    An existing log is kept: the new one has the time appended to its name.
    """
    if output is None:
        return
    path = output if output.endswith((".txt", ".log")) else osp.join(output, "log.txt")
    while osp.exists(path):  # again if there is one of the same second
        path += time.strftime("-%Y-%m-%d-%H-%M-%S")
    sys.stdout = Logger(path)  # type: ignore[assignment]
