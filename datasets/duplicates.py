"""The same image under two labels, or in two parts: found by content, before a training.

Only files of equal size are read: their beginnings, and the whole of those that begin alike.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from datasets.splits import Split
from promptsrc.escape import printable

BEGINNING = 2**16  # bytes


class Use(NamedTuple):
    """One mention of an image: its file, its part and its class name."""

    path: str
    part: str
    classname: str


def check_duplicates(split: Split, folder: Path, refuse: bool = False) -> None:
    """Print how many images have two labels, and how many are in two parts.

    Raises:
        ValueError: `refuse` (DATASET.REFUSE_DUPLICATES), and there are such images.
    """
    found = list(problems(split, folder))
    if found and refuse:
        raise ValueError(
            f"{folder}: {'; '.join(found)}; remove copies, or set DATASET.REFUSE_DUPLICATES False"
        )
    for line in found:
        print(printable(f"{folder}: {line}"))


def problems(split: Split, folder: Path) -> Iterator[str]:
    """A line on images with two labels, and one on images in each pair of parts."""
    uses = [
        Use(item.path, part, item.classname)
        for part, items in split._asdict().items()
        for item in items or ()
    ]
    copies = same_images(uses, folder)
    if several := [same for same in copies if len({use.classname for use in same}) > 1]:
        first = several[0][0]
        other = next(use for use in several[0] if use.classname != first.classname)
        yield (
            f"{_count(several)} the same as one with another label: {first.path} "
            f"({first.classname}) and {other.path} ({other.classname})"
        )
    for one, other_part in (("train", "test"), ("train", "val"), ("val", "test")):
        both = [same for same in copies if {one, other_part} <= {use.part for use in same}]
        if both:
            there = [[use for use in same if use.part == other_part] for same in both]
            first = next(use for use in both[0] if use.part == one)
            yield (
                f"{_count(there)} in {other_part} and in {one}, too: "
                f"{there[0][0].path} and {first.path}"
            )


def _count(copies: list[list[Use]]) -> str:
    count = sum(map(len, copies))
    return "1 image is" if count == 1 else f"{count:,} images are"


def same_images(uses: Iterable[Use], folder: Path) -> list[list[Use]]:
    """The uses of each image that has several; unreadable files are left out."""
    groups = [list(uses)]
    for key in (os.path.getsize, _hash_of_beginning, _hash):
        groups = [same for group in groups for same in _grouped(group, folder, key)]
    return groups


def _grouped(uses: list[Use], folder: Path, key: Callable[[str], Hashable]) -> Iterator[list[Use]]:
    """The uses whose files agree in a key, where there are several."""
    groups: dict[Hashable, list[Use]] = defaultdict(list)
    for use in uses:
        try:
            groups[key(os.path.join(folder, use.path))].append(use)
        except OSError:
            continue
    return (group for group in groups.values() if len(group) > 1)


def _hash_of_beginning(path: str) -> bytes:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read(BEGINNING)).digest()


def _hash(path: str) -> bytes:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.digest()
