"""Your own images, in class folders or a table: what a training would read, and stop at."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tabulate import tabulate

from datasets import csv_file, photos, table
from datasets.check.examine import Report
from datasets.check.published import published_in
from datasets.class_folders import Reader
from datasets.classnames import check_distinct
from datasets.duplicates import problems as duplicates
from datasets.files import class_folders, visible_files
from datasets.opened import unreadable
from datasets.parts import note_on_test, parts_in, with_test
from datasets.shots import CACHE_FOLDER
from datasets.splits import Item, Split
from promptsrc.escape import printable
from promptsrc.inference.endings import can_read, why_not
from promptsrc.inference.listing import described, images_below, no_images
from promptsrc.inference.reader import is_turned, is_wide

NO_PART = "images"  # heads the counts where no part is stated


@dataclass
class OwnImages:
    """What is found in `source`, class folders or a table; paths are relative to `folder`."""

    source: Path
    folder: Path
    parts: dict[str, list[Item]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def attempt(self, check: Callable, *arguments: object) -> None:
        """Run a check; what it raises is a problem."""
        try:
            check(*arguments)
        except (OSError, ValueError) as error:
            self.problems.append(str(error))


def find(root: Path, name: str = "") -> list[Path]:
    """Class folders (the root) or tables of one's own; empty in a root of published datasets.

    Without a name, `images.csv` comes before class folders, and these before other tables.

    Args:
        root: or the table itself.
        name: ImageFolder or CSV, to look for these only.
    """
    if root.is_file() or name == "ImageFolder":
        return [root]
    tables, stated = photos.tables_in(root), root / photos.STATED
    if name == "CSV":
        return [stated] if stated in tables or not tables else tables
    images, others = images_below(root)
    hold_photos = images or tables or any(why_not(f"image{ending}") for ending in others)
    if published_in(root) or not hold_photos:
        return []
    try:
        return [photos.source(root)]
    except ValueError:  # the report says why
        return tables or [root]


def examine(source: Path) -> Report:
    """Look at class folders or a table, and open every image."""
    found = _in_folders(source) if source.is_dir() else _in_table(source)
    items = [item for part in found.parts.values() for item in part]
    paths = sorted({os.path.join(found.folder, item.path) for item in items})
    broken = unreadable(paths)
    found.problems += broken.values()
    found.notes += _looks([path for path in paths if path not in broken])
    train, val, test = (found.parts.get(part, []) for part in Split._fields)
    found.notes += duplicates(Split(train + found.parts.get(NO_PART, []), val, test), found.folder)
    if not items and not found.problems:
        found.problems.append("no images of classes; make a folder with images for each class")
    counts = Counter(item.classname for item in items)
    several = {name for name in counts if counts[name] > 1}  # those that shares will test
    tested = several if NO_PART in found.parts else {item.classname for item in test}
    if tested and (untested := sorted(counts.keys() - tested)):
        found.notes.append(f"without test images: {', '.join(untested)}")
    images = f"{len(paths):,} image{'s' * (len(paths) != 1)}"
    headline = f"{images}, {len(counts):,} class{'es' * (len(counts) != 1)} in {source}"
    if found.problems:
        headline += f"; {len(found.problems):,} to mend"
    details = tuple(map(printable, (*found.problems, *found.notes)))
    return Report(
        not found.problems, printable(headline), details, printable(_counts(found), keep="\n")
    )


def _in_folders(folder: Path) -> OwnImages:
    found = OwnImages(folder, folder)
    parts = _parts(found)
    classes = {name: _folders(folder / name) for name in parts.values()}
    names = dict.fromkeys(name for part in classes.values() for name in part)
    hint = "join them, or set DATASET.CLASS_NAMES"
    found.attempt(check_distinct, {name: name for name in names}, folder, "folders", hint)
    passed_over: Counter[str] = Counter()
    for part, place in parts.items():
        loose = [name for name in visible_files(folder / place) if can_read(name)]
        passed_over["outside the class folders"] += sum(
            (folder / place / name).is_file() for name in loose
        )
        found.parts[part] = []
        for name in classes[place]:
            images, others = images_below(folder / place / name)
            passed_over += others
            if not images:
                found.problems.append(f"{folder / place / name} {no_images(others)}; add some")
            if name not in classes[parts.get("train", place)]:
                found.problems.append(f"{folder / place / name} is not a class of the training")
            paths = [os.path.join(place, name, image) for image in images]
            found.parts[part] += [Item(path, 0, name) for path in paths]
    for place in () if found.problems else parts.values():  # whatever else would stop a training
        found.attempt(Reader(folder, {name: name for name in names}).items, place)
    if NO_PART not in parts:
        others = set(_folders(folder)) - set(parts.values())
        passed_over.update(f"folder {name}/" for name in others)
    if text := described(+passed_over):
        found.notes.append(text)
    return found


def _parts(found: OwnImages) -> dict[str, str]:
    """Folders by part; the folder itself if its folders are classes."""
    parts: dict[str, str] = {}
    try:
        parts = with_test(found.folder, parts_in(found.folder))
        if problem := photos.problem_of(found.folder):
            raise ValueError(problem)
    except (OSError, ValueError) as error:
        found.problems.append(str(error))
    else:
        found.notes += filter(None, [note_on_test(found.folder, parts)] if parts else ())
    return {part: parts[part] for part in Split._fields if part in parts} or {NO_PART: ""}


def _folders(place: Path) -> list[str]:
    return [name for name in class_folders(place) if name != CACHE_FOLDER]


def _in_table(file: Path) -> OwnImages:
    found = OwnImages(file, file.parent)
    try:
        read = table.read(file)
    except (OSError, ValueError) as error:
        found.problems.append(str(error))
        return found
    found.problems += read.problems
    found.notes += read.notes
    found.attempt(check_distinct, csv_file.names_of(read), file, "lines", "use one spelling")
    absent = {row.line for row in table.missing(read, found.folder)}
    for row in read.rows:
        if row.line in absent:
            found.problems.append(f"line {row.line}: no image at {found.folder / row.path}")
        else:
            item = Item(table.local(row.path, found.folder), 0, row.classname)
            found.parts.setdefault(row.part or NO_PART, []).append(item)
    if read.has_parts:
        there = {row.part for row in read.rows}
        if "train" not in there:
            found.problems.append("no line with split train; add some")
        if note := table.note_on_test(there):
            found.notes.append(note)
        if table.tested(there) == "val":
            found.parts["test"] = found.parts.pop("val", [])
        trained = {row.classname for row in read.rows if row.part == "train"}
        for line, name in csv_file.names_of(read).items():
            if "train" in there and name not in trained:
                found.problems.append(f"line {line}: class {name!r} has no line with split train")
    return found


def _looks(paths: list[str]) -> Iterator[str]:
    """How many of the readable images are not upright 8-bit ones."""
    if turned := sum(map(is_turned, paths)):
        yield f"{turned:,} images are turned by an EXIF orientation"
    if wide := sum(map(is_wide, paths)):
        yield f"{wide:,} images have more than 8 bits per channel"


def _counts(found: OwnImages) -> str:
    """A table of images per class and part."""
    counts = {part: Counter(i.classname for i in items) for part, items in found.parts.items()}
    rows = [
        [name, *(count[name] for count in counts.values())]
        for name in sorted(set().union(*counts.values()))
    ]
    totals = ["(all)", *(count.total() for count in counts.values())]
    return tabulate([*rows, totals], headers=["class", *counts], disable_numparse=[0])
