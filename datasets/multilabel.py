"""Tables with several labels per image, which are not supported: where that shows."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets.table import Row

ONE_CLASS = "one line and one class per image (multi-label data is not supported)"
FLAGS = {"0", "1", "0.0", "1.0", "-1", "true", "false", ""}  # whether an image has a label


def check_columns(path: Path, header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Check that a table does not have a column of zeros and ones for each class.

    Raises:
        ValueError: it has.
    """

    def values(column: int) -> set[str]:
        return {cells[column].strip().lower() for cells in lines if column < len(cells)}

    flags = [name.strip() for i, name in enumerate(header) if values(i) and values(i) <= FLAGS]
    if len(flags) > 1:
        raise ValueError(
            f"{path} has a column of zeros and ones for each class ({', '.join(flags[:5])}); it "
            f"needs a column class: {ONE_CLASS}"
        )


def problems(rows: Sequence["Row"]) -> Iterator[str]:
    """A line for each class cell with several labels, and for each image with several classes."""
    names = {row.classname for row in rows}
    first: dict[str, Row] = {}
    for row in rows:
        if _several(row.classname, names):
            yield f"line {row.line} has the labels {row.classname!r}; give {ONE_CLASS}"
            continue
        other = first.setdefault(posixpath.normpath(row.path.replace("\\", "/")), row)
        if other.classname != row.classname:
            yield (
                f"line {row.line} has {row.path} as {row.classname!r}, but line {other.line} as "
                f"{other.classname!r}; give {ONE_CLASS}"
            )


def _several(name: str, names: set[str]) -> bool:
    """Whether a class cell lists labels: `cat|dog`, `['cat', 'dog']`, or `cat, dog` beside both.

    Beside both, `cat+dog` and `cat/dog` are lists, too.
    """
    if re.search(r"[|;]", name) or re.fullmatch(r"\[.*\]|\{.*\}", name, re.S):
        return True
    labels = [label.strip() for label in re.split(r"[,+/]", name)]
    return len(labels) > 1 and all(label in names for label in labels)
