"""Your own images, listed in a table with a header: path, class, split (train, val or test)."""

import csv
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY
from yacs.config import CfgNode

from datasets.base import FewShotDataset, own_folder
from datasets.files import read_text
from datasets.splits import Item, Split

COLUMNS = ("path", "class", "split")


@DATASET_REGISTRY.register()
class CSV(FewShotDataset):
    """Labels follow the sorted class names. Paths are relative to the folder, or absolute.

    Raises:
        FileNotFoundError: the folder or the table is not there.
        ValueError: a line of the table is not as it should be.
    """

    def __init__(self, cfg: CfgNode):
        folder = own_folder(cfg)
        super().__init__(cfg, folder, read_table(folder / cfg.DATASET.CSV_FILE))


def read_table(path: Path) -> Split:
    """The split that a table says; val is None when no line is of it."""
    if not path.is_file():
        raise FileNotFoundError(
            f"no table {path}; DATASET.CSV_FILE names it, below DATASET.ROOT and DATASET.FOLDER"
        )
    try:
        rows = _read_rows(path)
    except csv.Error as error:
        raise ValueError(
            f"{path} is no table ({error}); expected lines of {','.join(COLUMNS)}"
        ) from None
    labels = {name: label for label, name in enumerate(sorted({row["class"] for row in rows}))}
    parts: dict[str, list[Item]] = {"train": [], "val": [], "test": []}
    for row in rows:
        parts[row["split"]].append(Item(row["path"], labels[row["class"]], row["class"]))
    if not parts["train"] or not parts["test"]:
        raise ValueError(
            f"{path} has no line with split {'test' if parts['train'] else 'train'}; both are needed"
        )
    return Split(parts["train"], parts["val"] or None, parts["test"])


def _read_rows(path: Path) -> list[dict[str, str]]:
    reader = csv.DictReader(read_text(path).splitlines(), skipinitialspace=True)
    if absent := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise ValueError(
            f"{path}, line 1 has no column {', '.join(absent)}; expected the header {','.join(COLUMNS)}"
        )
    rows = []
    for cells in reader:
        row = {name: (cells[name] or "").strip() for name in COLUMNS}
        if not row["path"] or not row["class"] or row["split"] not in ("train", "val", "test"):
            raise ValueError(
                f"{path}, line {reader.line_num} is {','.join(filter(None, map(row.get, COLUMNS)))!r}; "
                "expected a path, a class name and train, val or test"
            )
        rows.append(row)
    return rows
