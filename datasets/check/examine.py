"""One dataset: what is missing, whether its images open, and its counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

import datasets.register  # noqa: F401
from datasets.base import BenchmarkDataset, SplitFileDataset
from datasets.check.lookalikes import advice
from datasets.check.published import PUBLISHED, SPLIT_FILES_HOME
from datasets.splits import Split
from promptsrc.inference.reader import read_image


@dataclass(frozen=True)
class Report:
    """What to say of one dataset."""

    ready: bool
    headline: str
    details: tuple[str, ...] = ()
    counts: str = ""  # images per class


def examine(name: str, root: Path, opened: int | None = None) -> Report:
    """Look at one dataset.

    Args:
        opened: how many images to open, evenly spaced; None: all.
    """
    dataset = DATASET_REGISTRY.get(name)
    problem, split = read(dataset, root)
    if split:
        items = [item for part in split for item in part or ()]
        paths = sorted({root / dataset.dataset_dir / item.path for item in items})
        some = paths[:: -(-len(paths) // opened)] if opened else paths
        problem = missing_images(paths) or unreadable_images(some)
        if not problem:
            headline = f"{counts(split)}; {len(some):,} images opened"
            return Report(True, headline, tuple(notes(dataset, root, split)))
    home = f"published at {PUBLISHED[name].home}; split files and class names: {SPLIT_FILES_HOME}"
    return Report(False, problem, (*advice(dataset, root), home))


def read(dataset: type[BenchmarkDataset], root: Path) -> tuple[str, Split | None]:
    """What prevents reading the dataset, or its split."""
    folder = root / dataset.dataset_dir
    if not folder.is_dir():
        return f"no folder {folder}", None
    if absent := dataset.missing(folder):
        return f"no {', '.join(absent)} in {folder}", None
    try:
        return "", dataset.read(folder)
    except (OSError, ValueError, KeyError, IndexError) as error:
        return str(error), None


def missing_images(paths: Sequence[Path]) -> str:
    """A line about images that are not there; empty if all are."""
    absent = [path for path in paths if not path.is_file()]
    if not absent:
        return ""
    return f"{len(absent):,} of {len(paths):,} images are missing, the first is {absent[0]}"


def unreadable_images(paths: Sequence[Path]) -> str:
    """A line about images that do not open; empty if all do."""
    with ThreadPool() as pool:
        opens = zip(paths, pool.imap(opens_as_image, paths, 64), strict=True)
        broken = [path for path, fine in opens if not fine]
    if not broken:
        return ""
    return (
        f"{len(broken):,} of {len(paths):,} images opened are unreadable: {broken[0]}; "
        "get this file again"
    )


def opens_as_image(path: Path) -> bool:
    """Whether the whole image can be read."""
    try:
        read_image(path)
    except OSError:
        return False
    return True


def counts(split: Split) -> str:
    """Images per part, and classes: 8 train + 2 val + 4 test images, 2 classes."""
    parts = " + ".join(f"{len(items):,} {part}" for part, items in split._asdict().items() if items)
    return f"{parts} images, {len({item.label for item in split.train or split.test})} classes"


def notes(dataset: type[BenchmarkDataset], root: Path, split: Split) -> Iterator[str]:
    """Why results on a ready dataset may not compare with published ones."""
    published = PUBLISHED[dataset.__name__]
    found = {part: len(items) for part, items in split._asdict().items() if items}
    wanted = {part: n for part, n in zip(Split._fields, published.sizes, strict=True) if n}
    if issubclass(dataset, SplitFileDataset):
        file = dataset.split_file(root / dataset.dataset_dir)
        if not file.exists():
            found, wanted = {"": sum(found.values())}, {"": sum(wanted.values())}
            yield (
                f"no {file.name}: the first run will draw its own split; for results that "
                f"compare, get the published one ({SPLIT_FILES_HOME})"
            )
    classes = len({item.label for item in split.train or split.test})
    if (found, classes) != (wanted, published.classes):
        expected = " + ".join(f"{count:,} {part}".rstrip() for part, count in wanted.items())
        yield (
            f"published results are on {expected} images, {published.classes:,} classes: yours "
            "will not compare"
        )
