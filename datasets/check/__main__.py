"""Say which datasets are ready, and what to do about the others. Writes nothing.

    python -m datasets.check photos                        your own images
    python -m datasets.check photos/table.csv              a table of them
    python -m datasets.check DATA                          all fifteen published ones
    python -m datasets.check DATA OxfordPets SUN397 --all  these two, opening every image

Your own images are class folders or a table. All of them are opened, and all that would stop a
training is listed at once. ImageFolder or CSV after the path chooses between the two.

Exit code 0: all are ready. 1: some are not. 2: an invalid command line.
"""

import difflib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datasets import OWN
from datasets.check.published import PUBLISHED
from datasets.files import absolute
from promptsrc.command import InvalidCommand, Parser, exit_code, stop_like_ctrl_c

if TYPE_CHECKING:
    from datasets.check.examine import Report

SAMPLE = 100  # images that are opened without --all
SHIPPED = ("Emoji", "Outlines", "Fashion", "Digits")  # in the project, not to download


def main(argv: Sequence[str] | None = None) -> int:
    """Its exit code."""
    parser = Parser(__doc__, "python -m datasets.check")
    add = parser.add_argument
    add("path", nargs="?", metavar="PATH", help="your own images, or the folder of the datasets")
    add("names", nargs="*", metavar="NAME", help="registered names (default: what is there)")
    add("--root", help="PATH, before the names")
    add("--all", action="store_true", help=f"open every image, not {SAMPLE} of each dataset")
    args = parser.parse_args(argv)
    path, *names = [*filter(None, (args.root, args.path, *args.names))] or [""]
    if not path or (path in PUBLISHED and not Path(path).exists()):
        parser.error("name a folder or a table first: python -m datasets.check photos")
    return exit_code(lambda: check(names, path, None if args.all else SAMPLE))


def check(names: Sequence[str], path: str, opened: int | None) -> int:
    """Print one line per dataset, and what else there is to say; returns the exit code.

    Args:
        names: registered names; empty: your own images, or without such all published datasets.
        path: the folder of published datasets, or class folders or a table of your own.
        opened: how many images of each published dataset to open; None: all.

    Raises:
        InvalidCommand: there is no such folder or table, or no such dataset.
    """
    place, known = absolute(path), [*PUBLISHED, *OWN]
    if not place.is_dir() and (not place.is_file() or set(names) - {"CSV"}):
        raise InvalidCommand(
            f"{place} is not a folder; give your own images, or the one that has oxford_pets/ and "
            "the like"
        )
    if unknown := [name for name in names if name not in known]:
        close = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(known)}"
        raise InvalidCommand(f"no dataset {unknown[0]!r}; {hint}")
    all_ready = True
    for name, report in reports(names, place, opened):
        all_ready &= report.ready
        state = "NOT READY" if not report.ready else "ready, but" if report.details else "ready"
        print(f"{name:20} {state:10} {report.headline}", flush=True)
        for line in report.details:
            print(f"{'':20} - {line}")
        if report.counts:
            print(f"\n{report.counts}\n")
    return 0 if all_ready else 1


def reports(
    names: Sequence[str], place: Path, opened: int | None
) -> Iterator[tuple[str, "Report"]]:
    """The registered name of each dataset, and what to say of it."""
    from datasets.check import examine, own

    if not names and (sources := own.find(place)):
        names = ["CSV" if sources != [place] or place.is_file() else "ImageFolder"]
    for name in names or [name for name in PUBLISHED if name not in SHIPPED]:
        if name in OWN:
            yield from ((name, own.examine(source)) for source in own.find(place, name))
        else:
            yield name, examine.examine(name, place, opened)


if __name__ == "__main__":
    stop_like_ctrl_c()
    sys.exit(main())
