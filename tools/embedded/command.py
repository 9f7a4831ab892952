"""The command line that the tools share: one folder to work in."""

from pathlib import Path

from promptsrc.command import Parser


def work_folder(description: str | None) -> Path:
    """The folder that the command line names."""
    parser = Parser(description)
    parser.add_argument("work", metavar="WORK", type=Path, help="folder for files in between")
    return parser.parse_args().work
