"""Your own images, listed in a table with a header: path, class, split (train, val or test)."""

import csv
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY
from yacs.config import CfgNode

from datasets.base import FewShotDataset, own_folder
from datasets.classnames import check_distinct
from datasets.files import read_text
from datasets.splits import Item, Split

COLUMNS = ("path", "class", "split")


@DATASET_REGISTRY.register()
class CSV(FewShotDataset):
    """Labels follow the sorted class names. Paths are absolute, or relative to the folder.

    Raises:
        FileNotFoundError: the folder or the table is not there.
        ValueError: a line of the table is invalid.
    """

    def __init__(self, cfg: CfgNode):
        folder = own_folder(cfg)
        super().__init__(cfg, folder, read_table(folder / cfg.DATASET.CSV_FILE))


def read_table(path: Path) -> Split:
    """The split in a table; val is None if no line has it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is invalid, or train or test has none.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"no table {path}; set DATASET.CSV_FILE, relative to DATASET.ROOT/DATASET.FOLDER"
        )
    try:
        rows = _read_rows(path)
    except csv.Error as error:
        raise ValueError(
            f"{path} is not a table ({error}); it needs lines of {','.join(COLUMNS)}"
        ) from None
    labels = {name: label for label, name in enumerate(sorted({row["class"] for row in rows}))}
    names = {row["class"]: row["line"] for row in reversed(rows)}  # and where each stands first
    places = {line: name for name, line in sorted(names.items(), key=lambda named: int(named[1]))}
    check_distinct(places, path, "lines", "use one spelling")
    parts: dict[str, list[Item]] = {"train": [], "val": [], "test": []}
    for row in rows:
        parts[row["split"]].append(Item(row["path"], labels[row["class"]], row["class"]))
    if not parts["train"] or not parts["test"]:
        missing = "test" if parts["train"] else "train"
        raise ValueError(f"{path} has no line with split {missing}; it needs train and test")
    return Split(parts["train"], parts["val"] or None, parts["test"])


def _read_rows(path: Path) -> list[dict[str, str]]:
    reader = csv.DictReader(read_text(path).splitlines(), skipinitialspace=True)
    if absent := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise ValueError(
            f"{path}, line 1 has no column {', '.join(absent)}; it needs {','.join(COLUMNS)}"
        )
    rows = []
    for cells in reader:
        row = {name: (cells[name] or "").strip() for name in COLUMNS}
        if not row["path"] or not row["class"] or row["split"] not in ("train", "val", "test"):
            line = ",".join(filter(None, row.values()))
            raise ValueError(
                f"{path}, line {reader.line_num} is {line!r}; it needs a path, a class name and "
                "train, val or test"
            )
        rows.append(row | {"line": str(reader.line_num)})
    return rows
