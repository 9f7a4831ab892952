"""How every command parses its line and how it ends. Imports nothing heavy: `--help` is instant.

Exit code 0: done. 1: failed. 2: an invalid command line. 130: stopped (75 for a training).
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import TextIOWrapper
from types import FrameType
from typing import Any, NoReturn

from promptsrc.escape import printable

FAILED, INVALID, STOPPED = 1, 2, 130
STOP_SIGNALS = [  # of schedulers, besides Ctrl-C; Windows has no SIGUSR1
    getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)
]


class Parser(argparse.ArgumentParser):
    """Shows a module's docstring as its help; a mistake is one line on stderr and exit code 2."""

    def __init__(self, description: str | None = None, prog: str | None = None):
        super().__init__(
            prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
        )

    def error(self, message: str) -> NoReturn:
        self.exit(INVALID, f"error: {printable(' '.join(message.split()))} (see --help)\n")


def positive(text: str) -> int:
    """A whole number above 0, as an argument's `type`."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"invalid whole number above 0: {text!r}")
    return int(text)


class InvalidCommand(ValueError):
    """The command line is at fault, not the work."""

    exit_code = INVALID


@contextmanager
def checking_the_command() -> Iterator[None]:
    """Errors in this block are the command line's."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise InvalidCommand(one_line(error)) from error


def exit_code(
    work: Callable[[], int | None],
    memory_hint: str = "use a smaller batch",
    stopped: tuple[int, str] = (STOPPED, "stopped"),
    debug: bool = False,
) -> int:
    """Do a command's work; returns its exit code. A failure is one line on stderr.

    Meanwhile all that is printed is `Printable`. An error may have an `exit_code` of its own.

    Args:
        work: returns an exit code, or None for 0.
        memory_hint: what to do when a GPU has too little memory.
        stopped: exit code and line after Ctrl-C; the message of the interrupt, if any, follows.
        debug: let failures through, traceback and all.
    """
    # bars rewrite their line on stderr
    streams = Printable(sys.stdout, "\n\t"), Printable(sys.stderr, "\n\t\r")
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        return _ended(work, memory_hint, stopped, debug)


def _ended(
    work: Callable[[], int | None], memory_hint: str, stopped: tuple[int, str], debug: bool
) -> int:
    try:
        return work() or 0
    except BrokenPipeError:
        leave_stdout()
        return FAILED
    except KeyboardInterrupt as interrupt:
        print(stopped[1] + (f" ({interrupt})" if str(interrupt) else ""), file=sys.stderr)
        return stopped[0]
    except (ValueError, KeyError, OSError, FloatingPointError) as error:
        if debug:
            raise
        print(f"error: {one_line(error)}", file=sys.stderr)
        return getattr(error, "exit_code", FAILED)
    except RuntimeError as error:
        # PyTorch's OutOfMemoryError, by name: PyTorch is not imported for --help
        if debug or type(error).__name__ != "OutOfMemoryError":
            raise
        print(f"error: the GPU has too little memory; {memory_hint}", file=sys.stderr)
        return FAILED


def leave_stdout() -> None:
    """After a BrokenPipeError, since the reader, such as `head`, has closed the pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's last flush


class Printable:
    """A text stream of a terminal: names with control characters are shown, not obeyed.

    Attributes:
        exact: the stream itself, for data.
    """

    def __init__(self, stream: Any, keep: str):
        self.exact = getattr(stream, "exact", stream)
        self._keep = keep
        if isinstance(self.exact, TextIOWrapper) and self.exact.errors == "strict":
            self.exact.reconfigure(errors="backslashreplace")  # names need not fit its encoding

    def write(self, text: str) -> int:
        return self.exact.write(printable(text, self._keep))

    def close(self) -> None:
        """The stream stays open: Dassl.pytorch's Logger closes what it writes to when it ends."""
        self.exact.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.exact, name)


def stop_like_ctrl_c(stopped: tuple[int, str] = (STOPPED, "stopped")) -> None:
    """Let a scheduler's stop signals raise KeyboardInterrupt, as Ctrl-C does.

    They end the process instead while a module is imported, which may swallow an exception or turn
    it into another one, and outside `exit_code`, where nobody catches it.

    Args:
        stopped: exit code and line of that end, those of `exit_code`.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        caught = False
        while frame and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
            caught = caught or frame.f_code is _ended.__code__
            frame = frame.f_back
        if caught and not frame:
            raise KeyboardInterrupt
        os.write(2, f"{stopped[1]}\n".encode())
        os._exit(stopped[0])

    ctrl_c = [signal.SIGINT] * (signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    for number in [*STOP_SIGNALS, *ctrl_c]:  # a shell's background jobs ignore Ctrl-C
        signal.signal(number, stop)


def one_line(error: BaseException) -> str:
    """The message of an error on one line, printable.

    An error of a loading process carries the traceback there; its last line is the message.
    """
    message = str(error.args[0] if isinstance(error, KeyError) else error)
    if "Original Traceback" in message:
        message = message.rstrip().splitlines()[-1].partition(": ")[2]
    return printable(" ".join(message.split()))
