"""A table of images as people save it: Excel's separators, other column names, other part names."""

import csv
import io
import os
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from datasets import multilabel
from datasets.parts import part_of
from promptsrc.files import read_text

COLUMNS = {  # names of each column, the most exact first, without capitals, blanks and underscores
    "path": ("path", "filepath", "imagepath", "filename", "file", "image"),
    "class": ("class", "classname", "category", "label"),
    "split": ("split", "part", "subset", "set"),
}
ZIP = b"PK\x03\x04"  # how an .xlsx starts


class Row(NamedTuple):
    """One image; `part` is train, val or test, or empty in a table without such a column."""

    line: int
    path: str
    classname: str
    part: str


@dataclass(frozen=True)
class Table:
    """The rows of a file, what is wrong with its other lines, and what else to say of it."""

    rows: list[Row]
    has_parts: bool
    problems: list[str]
    notes: list[str]


def read(path: Path) -> Table:
    """Read a table with commas, semicolons or tabs between its cells, in UTF-8 or UTF-16.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a table, has no column for paths or classes, or a column per class.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"no table {path}; set DATASET.CSV_FILE, relative to DATASET.ROOT/DATASET.FOLDER"
        )
    try:
        (_, header), *lines = _lines(_text(path)) or [(1, [])]
    except csv.Error as error:
        raise ValueError(
            f"{path} is not a table ({error}); it needs lines of path,class,split"
        ) from None
    columns = _columns(header)
    if absent := [name for name in ("path", "class") if name not in columns]:
        multilabel.check_columns(path, header, [cells for _, cells in lines])
        there = f" and has {', '.join(header)[:200]}" if header else ""
        raise ValueError(
            f"{path}, line 1 has no column {', '.join(absent)}; it needs path,class{there} "
            "(a header, with commas, semicolons or tabs)"
        )
    rows, problems = [], []
    for line, cells in lines:
        row = Row(line, *(_cell(cells, columns.get(name)) for name in COLUMNS))
        if problem := _problem(row, cells[len(header) :], "split" in columns):
            problems.append(f"line {line} {problem}")
        else:
            rows.append(row._replace(part=part_of(row.part) or ""))
    problems += multilabel.problems(rows)
    return Table(rows, "split" in columns, problems, _notes(header, columns, rows))


def check_rows(table: Table, file: Path, folder: Path) -> None:
    """Check the lines of a table.

    Raises:
        ValueError: a line is invalid.
        FileNotFoundError: images are missing.
    """
    if table.problems:
        more = len(table.problems) - 1
        rest = f"; {more} more: `python -m datasets.check {file}` lists them"
        raise ValueError(f"{file}, {table.problems[0]}{rest if more else ''}")
    if absent := missing(table, folder):
        first = absent[0]
        elsewhere = os.name != "nt" and re.match(r"[A-Za-z]:[\\/]", first.path)
        place = f"{first.path} (of a Windows computer)" if elsewhere else folder / first.path
        raise FileNotFoundError(
            f"{file}: {len(absent):,} of {len(table.rows):,} images are missing, the first is "
            f"{place}; restore it, or correct line {first.line}"
        )


def missing(table: Table, folder: Path) -> list[Row]:
    """The rows whose image is not there."""
    return [row for row in table.rows if not os.path.isfile(folder / local(row.path, folder))]


def local(path: str, folder: Path) -> str:
    r"""A path of a table on this system: `a\1.png` is `a/1.png`, unless there is such a file."""
    if "\\" not in path or (folder / path).exists():
        return path
    return path.replace("\\", "/")


def tested(parts: Container[str]) -> str:
    """Which of the parts of a table is tested on: test, or without such val, or none."""
    return next((part for part in ("test", "val") if part in parts), "")


def note_on_test(parts: Container[str]) -> str:
    """What to say of the test part; empty: it is there."""
    part = tested(parts)
    what = "those with val are tested on" if part else "nothing is tested"
    return "" if part == "test" else f"no line with split test, so {what}"


def _text(path: Path) -> str:
    with path.open("rb") as file:
        if file.read(len(ZIP)) == ZIP:
            raise ValueError(f"{path} is not a table but an Excel workbook; save it as CSV (UTF-8)")
    text = read_text(path)
    if text.lstrip().startswith(("{", "[")):
        raise ValueError(
            f"{path} is not a table but JSON; write a table with {multilabel.ONE_CLASS}"
        )
    return text


def _lines(text: str) -> list[tuple[int, list[str]]]:
    """Line number and cells of each line that is not blank, the header first."""
    stated = re.match(r"sep=.\r?\n", text)  # Excel's own first line
    text = text[stated.end() :] if stated else text

    def read(separator: str) -> Iterator[tuple[int, list[str]]]:
        lines = io.StringIO(text, newline="")  # unchanged: a quoted cell may hold a line break
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num + bool(stated), cells

    def columns(separator: str) -> int:
        return len(_columns(next(read(separator), (0, []))[1]))

    return list(read(max(",;\t", key=columns)))


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Positions of the columns that are read."""
    names = [re.sub(r"[\s_-]", "", name.lower()) for name in header]
    found = {}
    for column, synonyms in COLUMNS.items():
        if name := next((name for name in synonyms if name in names), ""):
            found[column] = names.index(name)
    return found


def _cell(cells: Sequence[str], index: int | None) -> str:
    return cells[index].strip() if index is not None and index < len(cells) else ""


def _problem(row: Row, more_cells: Sequence[str], needs_part: bool) -> str:
    """What is wrong with a line; empty: nothing."""
    if any(cell.strip() for cell in more_cells):
        return f"has more cells than line 1; put quotes around a cell with a separator: {row.path}"
    if not row.path or not row.classname or (needs_part and not part_of(row.part)):
        shown = ",".join(filter(None, row[1:]))[:200]
        parts = " and train, val or test" if needs_part else ""
        return f"is {shown!r}; it needs a path, a class name{parts}"
    return ""


def _notes(header: Sequence[str], columns: dict[str, int], rows: Sequence[Row]) -> list[str]:
    """What is not wrong, but may not be meant."""
    notes = []
    read = set(columns.values())
    others = [name.strip() for i, name in enumerate(header) if i not in read and name.strip()]
    if others:
        notes.append(f"columns that are not read: {', '.join(others)}")
    if again := len(rows) - len({row[1:] for row in rows}):
        notes.append(f"{again:,} lines repeat an earlier one; their images count more than once")
    names = {row.classname for row in rows}
    if names and all(re.fullmatch(r"[\d.]+", name) for name in names):
        notes.append(
            f"the class names are numbers, such as {min(names)!r}, and CLIP reads them as such; "
            "write names into the class column"
        )
    if joined := sorted(name for name in names if re.search(r"[,+/]", name)):
        notes.append(f"a name with a comma, plus or slash, such as {joined[0]!r}, is one class")
    return notes
