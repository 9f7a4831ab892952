"""The folders of training, validation and test images, by the names that people give them."""

import re
from collections.abc import Sequence
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


def find_parts(folder: Path, shares: Sequence[float]) -> dict[str, str]:
    """The names of the folders of parts, by part; none if the folders are classes, for shares.

    Raises:
        FileNotFoundError: there are no shares, and no folder for training or for the test.
        ValueError: there are shares, though the folders are parts; or two folders for one part.
    """
    names = [name for name in class_folders(folder) if name != CACHE_FOLDER]
    found: dict[str, str] = {}
    for name in names:
        part = part_of(name)
        if part in found:
            raise ValueError(f"{folder} has both {found[part]}/ and {name}/; join them")
        if part:
            found[part] = name
    if not shares:
        _check_complete(folder, found)
        return found
    # `train` may be a class beside `car` and `bus`
    alike = _hold_the_same(folder, names)
    if found and (alike or len(found) == len(names) or ("train" in found and len(found) > 1)):
        there = ", ".join(f"{found[part]}/" for part in NAMES if part in found)
        raise ValueError(
            f"{folder} has {there}, so DATASET.SPLIT {tuple(shares)} does not apply; "
            + (
                "remove it, or add DATASET.SPLIT '()' to the command"
                if {"train", "test"} <= found.keys()
                else "join all classes in one folder, or make train/ and test/ and remove it"
            )
        )
    if alike:
        listed = ", ".join(map(printable, names[:5])) + ", ..." * (len(names) > 5)
        print(
            f"{folder}: the folders {listed} hold folders of the same names, and are taken "
            "for classes; if they are parts, call them train/ and test/ and remove DATASET.SPLIT"
        )
    return {}


def _hold_the_same(folder: Path, names: Sequence[str]) -> bool:
    """Whether these folders hold no images, but folders of the same names, like parts."""
    if any(map(can_read, (file for name in names for file in visible_files(folder / name)))):
        return False
    below = {tuple(class_folders(folder / name)) for name in names}
    return len(names) > 1 and len(below) == 1 and below != {()}


def _check_complete(folder: Path, parts: dict[str, str]) -> None:
    if "train" not in parts:
        raise FileNotFoundError(
            f"{folder} has no train/; make train/ and test/ with a folder per class, or set "
            "DATASET.SPLIT, such as (0.5, 0.2, 0.3), if the class folders are in it"
        )
    if "test" not in parts:
        rename = f"rename {parts['val']}/ to test/, or " if "val" in parts else ""
        raise FileNotFoundError(
            f"{folder} has no test/; make it, or {rename}join all and set DATASET.SPLIT"
        )
