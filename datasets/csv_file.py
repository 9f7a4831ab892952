"""Your own images, listed in a table with a header: path, class, split (train, val or test)."""

import os
from collections.abc import Sequence
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY
from yacs.config import CfgNode

from datasets.base import OwnDataset
from datasets.classnames import check_distinct
from datasets.files import absolute
from datasets.places import own_folder
from datasets.shares import ALL_TESTED, split_by_shares
from datasets.splits import Item, Split
from datasets.table import Table, check_rows, local, note_on_test, read, tested
from promptsrc.escape import printable


@DATASET_REGISTRY.register()
class CSV(OwnDataset):
    """Labels follow the sorted class names. Paths are absolute, or relative to the folder.

    DATASET.ROOT is the table, or DATASET.CSV_FILE is it in the folder. Without a split column,
    DATASET.SPLIT gives the shares of train, val and test.

    Raises:
        FileNotFoundError: the folder, the table or an image is not there.
        ValueError: the table or DATASET.SPLIT is invalid.
    """

    def __init__(self, cfg: CfgNode):
        file, folder = place_of(cfg)
        table = read(file)
        for note in table.notes:
            print(f"{file}: {printable(note)}")
        check_rows(table, file, folder)
        check_distinct(names_of(table), file, "lines", "use one spelling")
        super().__init__(cfg, folder, split(table, file, folder, cfg.DATASET.SPLIT))


def place_of(cfg: CfgNode) -> tuple[Path, Path]:
    """The table, and the folder that its paths are relative to.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    file = absolute(os.path.join(cfg.DATASET.ROOT, cfg.DATASET.FOLDER))
    if file.is_file():
        return file, file.parent
    folder = own_folder(cfg)
    return folder / cfg.DATASET.CSV_FILE, folder


def names_of(table: Table) -> dict[int, str]:
    """Class names by the line that has them first."""
    lines: dict[str, int] = {}
    for row in table.rows:
        lines.setdefault(row.classname, row.line)
    return {line: name for name, line in lines.items()}


def split(table: Table, file: Path, folder: Path, shares: Sequence[float]) -> Split:
    """The split that a table states, or one by shares; all lines are tested if none is trained on.

    Raises:
        ValueError: train has no line; there are shares besides a column, or neither.
    """
    labels = {name: label for label, name in enumerate(sorted(names_of(table).values()))}
    parts: dict[str, list[Item]] = {"train": [], "val": [], "test": [], "": []}
    for row in table.rows:
        item = Item(local(row.path, folder), labels[row.classname], row.classname)
        parts[row.part].append(item)
    if tuple(shares) == ALL_TESTED and not parts["train"]:
        return split_by_shares([item for items in parts.values() for item in items], shares)
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
    if not parts["train"]:
        raise ValueError(f"{file} has no line with split train; add some")
    there = {row.part for row in table.rows}
    if note := note_on_test(there):
        print(f"{file} has {note}")
    part = tested(there)
    val = parts["val"] or None if part == "test" else None
    return Split(parts["train"], val, parts[part] if part else [])
