"""The folders of training, validation and test images, by the names that people give them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from datasets.files import class_folders, visible_files
from datasets.shots import CACHE_FOLDER
from promptsrc.escape import printable
from promptsrc.inference.endings import can_read

NAMES = {  # without capitals, punctuation and a final "set", "data" or "images"
    "train": {"train", "training"},
    "val": {"val", "valid", "validation", "dev"},
    "test": {"test", "testing"},
}


def part_of(name: str) -> str | None:
    """The part that a folder's name stands for: `Training`, `training_set` for train; or None."""
    letters = re.sub(r"[\W_]", "", name.lower())
    for ending in ("set", "data", "images"):
        letters = letters.removesuffix(ending)
    return next((part for part, names in NAMES.items() if letters in names), None)


def parts_in(folder: Path) -> dict[str, str]:
    """The names of the folders of parts, by part; empty if the folders are classes.

    `train` may be a class beside `car` and `bus`: then it holds images, not class folders.

    Raises:
        ValueError: two folders for one part.
    """
    names, found = _folders(folder), named(folder)
    if not found or len(found) == len(names) or _hold_the_same(folder, names):
        return found
    train = found.get("train")
    if train and (len(found) > 1 or (_folders(folder / train) and not _images(folder / train))):
        return found
    return {}


def find_parts(folder: Path, shares: Sequence[float]) -> dict[str, str]:
    """The names of the folders of parts, by part; none if the folders are classes, for shares.

    A line says if val/ is the test part, since there is no test/, or if nothing is tested.

    Raises:
        FileNotFoundError: there are no shares, and no folder for training.
        ValueError: there are shares, though the folders are parts; or two folders for one part.
    """
    if not shares:
        parts = with_test(folder, named(folder))
        _check_complete(folder, parts)
        if note := note_on_test(folder, parts):
            print(printable(note))
        return parts
    if found := parts_in(folder):
        there = ", ".join(f"{name}/" for name in found.values())
        raise ValueError(
            f"{folder} has {there}, so DATASET.SPLIT {tuple(shares)} does not apply; "
            + (
                "remove it, or add DATASET.SPLIT '()' to the command"
                if "train" in found
                else "join all classes in one folder, or make train/ and test/ and remove it"
            )
        )
    names = _folders(folder)
    if _hold_the_same(folder, names):
        listed = ", ".join(map(printable, names[:5])) + ", ..." * (len(names) > 5)
        print(
            f"{folder}: the folders {listed} hold folders of the same names, and are taken "
            "for classes; if they are parts, call them train/ and test/ and remove DATASET.SPLIT"
        )
    return {}


def with_test(folder: Path, parts: Mapping[str, str]) -> dict[str, str]:
    """The parts with class folders, where val is the test part if there is no other."""
    kept = {
        part: name for part, name in parts.items() if part == "train" or _folders(folder / name)
    }
    if "val" in kept and "test" not in kept:
        kept["test"] = kept.pop("val")
    return kept


def note_on_test(folder: Path, parts: Mapping[str, str]) -> str:
    """What to say of the test part; empty: it is there."""
    if "test" not in parts:
        train = folder / parts["train"]
        return (
            f"{folder} has no test/ with class folders, so nothing is tested; a run on {train} "
            "alone would hold some images back for a test"
        )
    name = parts["test"]
    return f"{folder} has no test/; {name}/ is tested on" if part_of(name) == "val" else ""


def named(folder: Path) -> dict[str, str]:
    """All folders with the name of a part, by part.

    Raises:
        ValueError: two for one part.
    """
    found: dict[str, str] = {}
    for name in _folders(folder):
        part = part_of(name)
        if part in found:
            raise ValueError(f"{folder} has both {found[part]}/ and {name}/; join them")
        if part:
            found[part] = name
    return {part: found[part] for part in NAMES if part in found}


def _folders(folder: Path) -> list[str]:
    return [name for name in class_folders(folder) if name != CACHE_FOLDER]


def _images(folder: Path) -> list[str]:
    return [name for name in visible_files(folder) if can_read(name)]


def _hold_the_same(folder: Path, names: Sequence[str]) -> bool:
    """Whether these folders hold no images, but folders of the same names, like parts."""
    if any(_images(folder / name) for name in names):
        return False
    below = {tuple(class_folders(folder / name)) for name in names}
    return len(names) > 1 and len(below) == 1 and below != {()}


def _check_complete(folder: Path, parts: Mapping[str, str]) -> None:
    if "train" not in parts:
        raise FileNotFoundError(
            f"{folder} has no train/; make train/ and test/ with a folder per class, or set "
            "DATASET.SPLIT, such as (0.5, 0.2, 0.3), if the class folders are in it"
        )
