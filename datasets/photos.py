"""One path of your own photos: class folders, folders of train, val and test, or a table.

Imports nothing heavy, so that a wrong path is refused at once.
"""

import difflib
import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets import table
from datasets.check.published import published_in
from datasets.class_folders import Reader, folders_in, read_classes
from datasets.files import absolute, visible_files
from datasets.parts import named, parts_in, with_test
from datasets.shares import ALL_TESTED
from promptsrc.escape import printable
from promptsrc.inference.endings import ARCHIVES, can_read, why_not
from promptsrc.inference.listing import images_below

if TYPE_CHECKING:
    from yacs.config import CfgNode

SHARES = (0.6, 0.0, 0.4)  # of train, val and test, where nothing says which image is for what
TABLES = (".csv", ".tsv")
STATED = "images.csv"  # comes before the folders beside it


def settings(path: str | os.PathLike, to_test: bool = False) -> dict[str, Any]:
    """The configuration of a path: DATASET.NAME, DATASET.ROOT and DATASET.SPLIT.

    Args:
        to_test: nothing is trained; one class is enough, and no training part is needed.

    Raises:
        ValueError: it can't be used; one line says what to do.
    """
    typed = os.fspath(path)
    if re.match(r"\w+://", typed):
        raise ValueError(f"{typed} is a web address; download it, and give the folder of photos")
    try:
        place = source(absolute(typed), to_test)
        check = _check_folders if place.is_dir() else _check_table
        states_parts = check(place, to_test)
    except OSError as error:
        raise ValueError(printable(str(error))) from None
    return {
        "DATASET.NAME": "ImageFolder" if place.is_dir() else "CSV",
        "DATASET.ROOT": str(place),
        "DATASET.SPLIT": () if states_parts or to_test else SHARES,
    }


def without_training(cfg: "CfgNode") -> dict[str, Any]:
    """For a test of your own images: the keys that take all of them, if none is for training."""
    place = absolute(os.path.join(cfg.DATASET.ROOT, cfg.DATASET.FOLDER))
    try:
        if cfg.DATASET.SPLIT:
            return {}
        if cfg.DATASET.NAME == "CSV":
            file = place if place.is_file() else place / cfg.DATASET.CSV_FILE
            trained = "train" in {row.part for row in table.read(file).rows}
            return {} if trained else {"DATASET.SPLIT": ALL_TESTED}
        parts = with_test(place, parts_in(place))
    except (OSError, ValueError):
        return {}  # the dataset says what is wrong
    if "train" in parts:
        return {}
    folder = os.path.join(cfg.DATASET.FOLDER, parts.get("test", ""))
    return {"DATASET.FOLDER": folder, "DATASET.SPLIT": ALL_TESTED}


def source(place: Path, to_test: bool = False) -> Path:
    """The folder of class folders or of parts, or the table: `images.csv`, or the only one.

    Raises:
        ValueError: there is neither; one line says what to do.
        OSError: the folder can't be read.
    """
    if not place.is_dir():
        _check_is_table(place)
        return place
    tables = tables_in(place)
    if place / STATED in tables:
        return place / STATED
    problem = problem_of(place, to_test)
    if problem and len(tables) > 1:
        names = ", ".join(file.name for file in tables)
        raise ValueError(f"{place} has the tables {names}; give the path of one")
    if problem and not tables:
        raise ValueError(problem)
    return tables[0] if problem else place


def tables_in(folder: Path) -> list[Path]:
    """The tables in a folder, by name."""
    return [folder / name for name in visible_files(folder) if name.lower().endswith(TABLES)]


def has_test(cfg: "CfgNode") -> bool:
    """Whether a configuration of your own images has a test part; yes, if they can't be read.

    Shares leave a class of one image none for the test.
    """
    place, shares = absolute(os.path.join(cfg.DATASET.ROOT, cfg.DATASET.FOLDER)), cfg.DATASET.SPLIT
    try:
        if cfg.DATASET.NAME == "ImageFolder" and shares:
            counts = (len(images_below(place / name).images) for name in folders_in(place))
            return max(counts, default=2) > 1
        if cfg.DATASET.NAME == "ImageFolder":
            return "test" in with_test(place, named(place))
        lines = table.read(place if place.is_file() else place / cfg.DATASET.CSV_FILE)
    except (OSError, ValueError):
        return True
    if shares:
        return max(Counter(row.classname for row in lines.rows).values(), default=2) > 1
    return not lines.has_parts or bool(table.tested({row.part for row in lines.rows}))


def problem_of(folder: Path, to_test: bool = False) -> str:
    """What is missing for class folders, or parts with class folders; empty: nothing."""
    if published := published_in(folder):
        return (
            f"{folder} has {', '.join(f'{name}/' for name in published[:3])}, published datasets; "
            "name one with --dataset-config-file configs/datasets/<dataset>.yaml"
        )
    parts = parts_in(folder)
    if to_test:
        parts = with_test(folder, parts)
    elif parts and "train" not in parts:
        names = ", ".join(f"{name}/" for name in parts.values())
        return f"{folder} has {names} but no train/; make it, with a folder for each class"
    place = folder / _with_classes(parts)
    classes = folders_in(place)
    if not classes:
        images = sum(map(can_read, visible_files(place)))
        loose = f"{images:,} image{'s' * (images != 1)}, but " * bool(images)
        hint = "put the images of each class into a folder with its name"
        return f"{place} has {loose}no class folders; {hint}"
    if len(classes) == 1 and not to_test:
        inner = place / classes[0]
        if folders_in(inner) and not any(map(can_read, visible_files(inner))):
            return f"{place} holds only {classes[0]}/; if its folders are the classes, give {inner}"
        return f"{place} has one class folder, {classes[0]}/; a classifier needs two or more"
    return ""


def _check_is_table(place: Path) -> None:
    name = place.name.lower()
    if not os.path.lexists(place):
        there = os.listdir(place.parent) if place.parent.is_dir() else ()
        close = difflib.get_close_matches(place.name, there, n=1)
        hint = f"did you mean {place.parent / close[0]}?" if close else "check the path"
        raise ValueError(f"no folder or table {place}; {hint}")
    if not place.is_file():
        raise ValueError(f"{place} is neither a folder nor a table")
    if can_read(name) or why_not(name):
        raise ValueError(f"{place} is one image; give a folder that has a folder for each class")
    if name.endswith(ARCHIVES):
        raise ValueError(f"{place} is an archive; unpack it, and give the folder")


def _with_classes(parts: Mapping[str, str]) -> str:
    """The folder of the part whose class folders are the classes; empty: there are no parts."""
    return parts.get("train") or parts.get("test", "")


def _check_folders(folder: Path, _: bool) -> bool:
    """Check class folders; whether they are in parts."""
    parts = with_test(folder, parts_in(folder))
    reader = Reader(folder, read_classes(folder / _with_classes(parts), ""))
    for part in parts.values() or ("",):
        reader.items(part)
    return bool(parts)


def _check_table(file: Path, to_test: bool) -> bool:
    """Check a table; whether it says which line is for what."""
    lines = table.read(file)
    table.check_rows(lines, file, file.parent)
    if lines.has_parts and "train" not in {row.part for row in lines.rows} and not to_test:
        raise ValueError(f"{file} has no line with split train; add some")
    names = {row.classname for row in lines.rows}
    if len(names) < 2 - to_test:
        there = f"one class, {min(names)!r}" if names else "no images"
        raise ValueError(f"{file} has {there}; a classifier needs two or more")
    return lines.has_parts
