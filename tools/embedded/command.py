"""The command line that the tools share: one folder to work in, and what must be there."""

import shutil
from pathlib import Path

from promptsrc.command import Parser

MAKERS = {"drawings.npy": "collect", "held_out.json": "dataset", "clip.pt": "pretrain"}


def work_folder(description: str | None, *needs: str) -> Path:
    """The folder that the command line names.

    Args:
        needs: see `check`.
    """
    parser = Parser(description)
    parser.add_argument("work", metavar="WORK", type=Path, help="folder for files in between")
    work = parser.parse_args().work
    check(parser, work, *needs)
    return work


def check(parser: Parser, work: Path, *needs: str) -> None:
    """End with a line if something is not there.

    Args:
        needs: files of MAKERS, and programs.
    """
    for name in needs:
        if name not in MAKERS:
            if not shutil.which(name):
                parser.error(f"{name} is not installed, and pictures are fetched with it")
        elif not (work / name).is_file():
            command = f"python -m tools.embedded.{MAKERS[name]} {work}"
            parser.error(f"{work} has no {name}; {command} writes it")
