"""Say which datasets are ready, and what to do about the others.

    python -m datasets.check --root DATA                          all fifteen
    python -m datasets.check --root DATA OxfordPets SUN397 --all  these two, opening every image

Exit code 0: all asked for are ready; 1: some are not; 2: the command cannot be meant. Writes nothing.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY
from dassl.utils import check_availability

from datasets.base import BenchmarkDataset, SplitFileDataset
from datasets.files import absolute
from datasets.lookalikes import advice
from datasets.published import PUBLISHED, SPLIT_FILES_HOME
from datasets.splits import Split
from promptsrc.command import Parser
from promptsrc.inference.images import read_image

SAMPLE = 100  # images that are opened without --all
SHIPPED = "Emoji"  # lies in the project, not among the downloads


@dataclass(frozen=True)
class Report:
    """What is to be said of one dataset."""

    ready: bool
    headline: str
    details: tuple[str, ...] = ()


def examine(name: str, root: Path, every_image: bool = False) -> Report:
    """Look at one dataset: what is missing, whether its images open, and its counts."""
    dataset = DATASET_REGISTRY.get(name)
    problem, split = read(dataset, root)
    if split:
        paths = sorted(
            {root / dataset.dataset_dir / item.path for part in split for item in part or ()}
        )
        opened = paths if every_image else paths[:: -(-len(paths) // SAMPLE)]
        problem = absent_images(paths) or unreadable_images(opened)
    if problem:
        home = (
            f"published at {PUBLISHED[name].home}; split files and class names: {SPLIT_FILES_HOME}"
        )
        return Report(False, problem, (*advice(dataset, root), home))
    return Report(
        True, f"{counts(split)}; {len(opened):,} images opened", tuple(notes(dataset, root, split))
    )


def read(dataset: type[BenchmarkDataset], root: Path) -> tuple[str, Split | None]:
    """What keeps the dataset from being read, or its split."""
    folder = root / dataset.dataset_dir
    if not folder.is_dir():
        return f"no folder {folder}", None
    if absent := dataset.missing(folder):
        return f"no {', '.join(absent)} in {folder}", None
    try:
        return "", dataset.read(folder)
    except (OSError, ValueError, KeyError, IndexError) as error:
        return str(error), None


def absent_images(paths: Sequence[Path]) -> str:
    """What to say of images that are not there."""
    absent = [path for path in paths if not path.is_file()]
    return (
        f"{len(absent):,} of {len(paths):,} images are missing, the first is {absent[0]}"
        if absent
        else ""
    )


def unreadable_images(paths: Sequence[Path]) -> str:
    """What to say of images that do not open."""
    with ThreadPool() as pool:
        broken = [
            path
            for path, opens in zip(paths, pool.imap(opens_as_image, paths, 64), strict=True)
            if not opens
        ]
    if not broken:
        return ""
    return f"{len(broken):,} of {len(paths):,} images opened are unreadable: {broken[0]}; get this file again"


def opens_as_image(path: Path) -> bool:
    try:
        read_image(path)
    except OSError:
        return False
    return True


def counts(split: Split) -> str:
    parts = " + ".join(f"{len(items):,} {part}" for part, items in split._asdict().items() if items)
    return f"{parts} images, {len({item.label for item in split.train or split.test})} classes"


def notes(dataset: type[BenchmarkDataset], root: Path, split: Split) -> Iterator[str]:
    """What makes numbers on a ready dataset hard to compare with published ones."""
    published = PUBLISHED[dataset.__name__]
    found = {part: len(items) for part, items in split._asdict().items() if items}
    wanted = {
        part: count for part, count in zip(Split._fields, published.sizes, strict=True) if count
    }
    drawn = (
        issubclass(dataset, SplitFileDataset)
        and not dataset.split_file(root / dataset.dataset_dir).exists()
    )
    if drawn:
        found, wanted = {"": sum(found.values())}, {"": sum(wanted.values())}
        yield (
            f"no split_zhou_{dataset.__name__}.json: the first run will draw a split of its own; "
            f"for numbers that compare, put the published one there ({SPLIT_FILES_HOME})"
        )
    classes = len({item.label for item in split.train or split.test})
    if (found, classes) != (wanted, published.classes):
        expected = " + ".join(f"{count:,} {part}".rstrip() for part, count in wanted.items())
        yield f"this field has {expected} images, {published.classes:,} classes: numbers will not compare"


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    parser.add_argument("--root", required=True, help="folder that holds the dataset folders")
    parser.add_argument(
        "--all", action="store_true", help=f"open every image, not {SAMPLE} of each dataset"
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="registered names; default: the fifteen published ones",
    )
    args = parser.parse_args(argv)
    args.root = absolute(args.root)
    args.names = args.names or [name for name in PUBLISHED if name != SHIPPED]
    if not args.root.is_dir():
        parser.error(
            f"--root is {args.root}, which is no folder; it is the one that holds oxford_pets/ and the like"
        )
    try:
        for name in args.names:
            check_availability(name, list(PUBLISHED))
    except ValueError as error:
        parser.error(str(error))
    return args


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    all_ready = True
    for name in args.names:
        report = examine(name, args.root, args.all)
        all_ready &= report.ready
        state = "NOT READY" if not report.ready else "ready, but" if report.details else "ready"
        print(f"{name:20} {state:10} {report.headline}", flush=True)
        for line in report.details:
            print(f"{'':20} - {line}")
    return 0 if all_ready else 1


if __name__ == "__main__":
    sys.exit(main())
