"""Your own images, listed in a table with a header: path, class, split (train, val or test)."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY
from yacs.config import CfgNode

from datasets.base import OwnDataset, own_folder
from datasets.classnames import check_distinct
from datasets.shares import split_by_shares
from datasets.splits import Item, Split
from datasets.table import Row, Table, read
from promptsrc.escape import printable


@DATASET_REGISTRY.register()
class CSV(OwnDataset):
    """Labels follow the sorted class names. Paths are absolute, or relative to the folder.

    Without a split column, DATASET.SPLIT gives the shares of train, val and test.

    Raises:
        FileNotFoundError: the folder, the table or an image is not there.
        ValueError: the table or DATASET.SPLIT is invalid.
    """

    def __init__(self, cfg: CfgNode):
        folder = own_folder(cfg)
        file = folder / cfg.DATASET.CSV_FILE
        table = read(file)
        for note in table.notes:
            print(f"{file}: {printable(note)}")
        check(table, file, folder)
        super().__init__(cfg, folder, split(table, file, folder, cfg.DATASET.SPLIT))


def check(table: Table, file: Path, folder: Path) -> None:
    """Check the lines of a table.

    Raises:
        ValueError: a line is invalid.
        FileNotFoundError: images are missing.
    """
    if table.problems:
        more = len(table.problems) - 1
        rest = f"; {more} more: `python -m datasets.check --root {folder}` lists them"
        raise ValueError(f"{file}, {table.problems[0]}{rest if more else ''}")
    check_distinct(names_of(table), file, "lines", "use one spelling")
    if absent := missing(table, folder):
        first = absent[0]
        elsewhere = os.name != "nt" and re.match(r"[A-Za-z]:[\\/]", first.path)
        place = f"{first.path} (of a Windows computer)" if elsewhere else folder / first.path
        raise FileNotFoundError(
            f"{file}: {len(absent):,} of {len(table.rows):,} images are missing, the first is "
            f"{place}; restore it, or correct line {first.line}"
        )


def names_of(table: Table) -> dict[int, str]:
    """Class names by the line that has them first."""
    lines: dict[str, int] = {}
    for row in table.rows:
        lines.setdefault(row.classname, row.line)
    return {line: name for name, line in lines.items()}


def missing(table: Table, folder: Path) -> list[Row]:
    """The rows whose image is not there."""
    return [row for row in table.rows if not os.path.isfile(folder / local(row.path, folder))]


def local(path: str, folder: Path) -> str:
    r"""A path of a table on this system: `a\1.png` is `a/1.png`, unless there is such a file."""
    if "\\" not in path or (folder / path).exists():
        return path
    return path.replace("\\", "/")


def split(table: Table, file: Path, folder: Path, shares: Sequence[float]) -> Split:
    """The split that a table states, or one by shares.

    Raises:
        ValueError: train or test has no line; there are shares besides a column, or neither.
    """
    labels = {name: label for label, name in enumerate(sorted(names_of(table).values()))}
    parts: dict[str, list[Item]] = {"train": [], "val": [], "test": [], "": []}
    for row in table.rows:
        item = Item(local(row.path, folder), labels[row.classname], row.classname)
        parts[row.part].append(item)
    if not table.has_parts:
        if not shares:
            raise ValueError(
                f"{file} has no column split (train, val or test); add it, or set DATASET.SPLIT, "
                "such as (0.5, 0.2, 0.3)"
            )
        return split_by_shares(parts[""], shares)
    if shares:
        raise ValueError(
            f"{file} has a column split, so DATASET.SPLIT {shares} does not apply; remove it"
        )
    if not parts["train"] or not parts["test"]:
        absent = "test" if parts["train"] else "train"
        raise ValueError(f"{file} has no line with split {absent}; it needs train and test")
    return Split(parts["train"], parts["val"] or None, parts["test"])
