"""Command lines whose mistakes get one line."""

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Explains a command in the words of its module; a mistake is `error: ...` on stderr, and exit code 2."""

    def __init__(self, description: str | None = None, prog: str | None = None):
        super().__init__(
            prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
        )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {' '.join(message.split())} (--help says what there is)\n")


def one_line(error: Exception) -> str:
    """What an error says. One of a process that loads images comes with the traceback there, and says it at its end."""
    message = str(error.args[0] if isinstance(error, KeyError) else error)
    if "Original Traceback" in message:
        message = message.rstrip().splitlines()[-1].partition(": ")[2]
    return " ".join(message.split())
