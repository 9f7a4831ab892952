"""Say which datasets are ready, and what to do about the others. Writes nothing.

    python -m datasets.check --root DATA                          all fifteen published ones
    python -m datasets.check --root DATA OxfordPets SUN397 --all  these two, opening every image
    python -m datasets.check --root photos                        your own images
    python -m datasets.check --root photos CSV                    only a table of them

Your own images are class folders or a table. All of them are opened, and all that would stop a
training is listed at once.

Exit code 0: all are ready. 1: some are not. 2: an invalid command line.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datasets import OWN
from datasets.check.published import PUBLISHED
from datasets.files import absolute
from promptsrc.command import (
    InvalidCommand,
    Parser,
    checking_the_command,
    exit_code,
    stop_like_ctrl_c,
)

if TYPE_CHECKING:
    from datasets.check.examine import Report

SAMPLE = 100  # images that are opened without --all
SHIPPED = "Emoji"  # in the project, not among the downloads


def main(argv: Sequence[str] | None = None) -> int:
    """Its exit code."""
    parser = Parser(__doc__, "python -m datasets.check")
    add = parser.add_argument
    add("--root", required=True, help="folder that has the dataset folders, or your own images")
    add("--all", action="store_true", help=f"open every image, not {SAMPLE} of each dataset")
    add("names", nargs="*", metavar="NAME", help="registered names (default: what is in the root)")
    args = parser.parse_args(argv)
    return exit_code(lambda: check(args.names, args.root, None if args.all else SAMPLE))


def check(names: Sequence[str], root: str, opened: int | None) -> int:
    """Print one line per dataset, and what else there is to say; returns the exit code.

    Args:
        names: registered names; empty: your own images, or without such all published datasets.
        opened: how many images of each published dataset to open; None: all.

    Raises:
        InvalidCommand: there is no such folder, or no such dataset.
    """
    from dassl.utils import check_availability  # imports PyTorch

    folder = absolute(root)
    if not folder.is_dir():
        raise InvalidCommand(
            f"--root is {folder}, which is not a folder; give the one that has oxford_pets/ and "
            "the like, or your own images"
        )
    with checking_the_command():
        for name in names:
            check_availability(name, [*PUBLISHED, *OWN])
    all_ready = True
    for name, report in reports(names, folder, opened):
        all_ready &= report.ready
        state = "NOT READY" if not report.ready else "ready, but" if report.details else "ready"
        print(f"{name:20} {state:10} {report.headline}", flush=True)
        for line in report.details:
            print(f"{'':20} - {line}")
        if report.counts:
            print(f"\n{report.counts}\n")
    return 0 if all_ready else 1


def reports(
    names: Sequence[str], folder: Path, opened: int | None
) -> Iterator[tuple[str, "Report"]]:
    """The registered name of each dataset, and what to say of it."""
    from datasets.check import examine, own

    if not names and (sources := own.find(folder)):
        names = ["ImageFolder" if sources == [folder] else "CSV"]
    for name in names or [name for name in PUBLISHED if name != SHIPPED]:
        if name in OWN:
            yield from ((name, own.examine(source)) for source in own.find(folder, name))
        else:
            yield name, examine.examine(name, folder, opened)


if __name__ == "__main__":
    stop_like_ctrl_c()
    sys.exit(main())
