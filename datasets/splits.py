"""Items and splits; how splits are drawn, stored and halved, as in CoOp-style repositories."""

import json
import math
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from datasets.files import read_json

CLASS_HALVES = ("all", "base", "new")


class Item(NamedTuple):
    """One image; `path` is relative to the dataset folder, with slashes."""

    path: str
    label: int
    classname: str


class Split(NamedTuple):
    """Items for training, for validation (None: there are none) and for the test."""

    train: list[Item]
    val: list[Item] | None
    test: list[Item]


def by_label(items: Iterable[Item]) -> list[list[Item]]:
    """The items of each class, in order of first appearance."""
    groups: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.label].append(item)
    return list(groups.values())


def cut(groups: Iterable[Sequence[Item]], shares: Sequence[float], rng=random) -> list[list[Item]]:
    """Shuffle each class and divide it: `round(share * n)` items per part, the rest to the last.

    Args:
        shares: of all parts but the last. Python's `round` rounds halves to even numbers.
        rng: the module `random`, or a generator.

    Raises:
        ValueError: a class has fewer items than parts need.
    """
    parts: list[list[Item]] = [[] for _ in range(len(shares) + 1)]
    for group in groups:
        items = list(group)
        rng.shuffle(items)
        ends = [0]
        for share in shares:
            ends.append(ends[-1] + round(share * len(items)))
        ends.append(len(items))
        for part, start, end in zip(parts, ends, ends[1:], strict=False):
            if start >= end:
                raise ValueError(
                    f"class {items[0].classname!r} has {len(items)} images ({items[0].path}, ...), "
                    f"too few for {len(parts)} parts; add images, or remove the class"
                )
            part += items[start:end]
    return parts


def read_split(path: Path, image_dir: str) -> Split:
    """The split in a `split_zhou_*.json`.

    It holds {"train": [[path, label, class name], ...], "val": ..., "test": ...}; paths are
    relative to `image_dir`.

    Raises:
        ValueError: the file holds something else.
    """
    content = read_json(path)
    try:
        parts = [
            [
                checked_item(str(PurePosixPath(image_dir, name)), label, classname)
                for name, label, classname in rows
            ]
            for rows in (content["train"], content["val"], content["test"])
        ]
        check_names(item for part in parts for item in part)
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is not a split file ({type(error).__name__}: {error}); it needs train, val "
            "and test with rows [path, label, class name]: get the published file, or delete it, "
            "and a split is drawn"
        ) from None
    return Split(*parts)


def checked_item(path: str, label: int | str, classname: str) -> Item:
    """An item of a file.

    Raises:
        TypeError, ValueError, OverflowError: the label is not a number from 0, or the class name
            is empty.
    """
    item = Item(str(path), int(label), str(classname))
    if item.label < 0:
        raise ValueError(f"label {label} of {path} is below 0")
    if not item.classname.replace("_", " ").strip():
        raise ValueError(f"class name of {path} is empty")
    return item


def check_names(items: Iterable[Item]) -> None:
    """Check that all items of a label have the same class name.

    Raises:
        ValueError: they do not.
    """
    names: dict[int, str] = {}
    for item in items:
        if names.setdefault(item.label, item.classname) != item.classname:
            raise ValueError(
                f"label {item.label} is both {names[item.label]!r} and {item.classname!r}"
            )


def split_text(split: Split, image_dir: str) -> str:
    """The content of the split file, byte for byte as CoOp-style repositories write it."""
    rows = {
        name: [
            [str(PurePosixPath(item.path).relative_to(image_dir)), *item[1:]]
            for item in items or []
        ]
        for name, items in split._asdict().items()
    }
    return json.dumps(rows, indent=4, separators=(",", ": "))


def class_half(split: Split, which: str) -> Split:
    """All classes, the first half of them (base) or the second half (new), with labels from 0.

    Classes are sorted by their label in `split.train`. Of an odd number, base has one more.

    Raises:
        ValueError: `which` is not all, base or new, or there is only one class.
    """
    if which not in CLASS_HALVES:
        raise ValueError(
            f"DATASET.SUBSAMPLE_CLASSES is {which!r}; it is one of {', '.join(CLASS_HALVES)}"
        )
    if which == "all":
        return split
    labels = sorted({item.label for item in split.train})
    half = math.ceil(len(labels) / 2)
    chosen = labels[:half] if which == "base" else labels[half:]
    if not chosen:
        raise ValueError(
            f"DATASET.SUBSAMPLE_CLASSES is {which!r}, but there is only one class; use 'all'"
        )
    renumbered = {label: number for number, label in enumerate(chosen)}
    return Split(
        *(
            items
            and [i._replace(label=renumbered[i.label]) for i in items if i.label in renumbered]
            for items in split
        )
    )
