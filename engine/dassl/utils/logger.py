"""Standard output, also into a file."""

import contextlib
import os.path as osp
import sys
import time
from typing import TextIO

from dassl.utils.tools import mkdir_if_missing


class Logger:
    """A stream that also writes what it is given to a file."""

    def __init__(self, fpath: str | None = None):
        self.console = sys.stdout
        self.file: TextIO | None = None
        if fpath is not None:
            mkdir_if_missing(osp.dirname(osp.abspath(fpath)))
            # by the line, so that a kill costs none; open as long as the process writes
            self.file = open(fpath, "w", buffering=1, encoding="utf-8")  # noqa: SIM115

    def write(self, message: str) -> None:
        """
        Raises:
            OSError: the file can't be written, and is left as it is.
        """
        self.console.write(message)
        if self.file is not None:
            try:
                self.file.write(message)
            except OSError as error:
                file, self.file = self.file, None
                with contextlib.suppress(OSError):  # closing tries to write once more
                    file.close()
                raise OSError(
                    f"log {file.name} can't be written ({error.strerror}); make room, then start again"
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
    """Write standard output to `<output>/log.txt` as well (or to `output`, when it ends in .txt or .log).

    A log that is there already stays: the new one gets the time behind its name.
    """
    if output is None:
        return
    path = output if output.endswith((".txt", ".log")) else osp.join(output, "log.txt")
    if osp.exists(path):
        path += time.strftime("-%Y-%m-%d-%H-%M-%S")
    sys.stdout = Logger(path)
