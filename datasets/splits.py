"""Items, splits, and how this field cuts, stores and halves them."""

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
    """Items to train on, to validate on (None: there are none) and to test on."""

    train: list[Item]
    val: list[Item] | None
    test: list[Item]


def by_label(items: Iterable[Item]) -> list[list[Item]]:
    """Items of each class, classes in order of first appearance."""
    groups: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.label].append(item)
    return list(groups.values())


def cut(groups: Iterable[Sequence[Item]], shares: Sequence[float], rng=random) -> list[list[Item]]:
    """Shuffle each class and deal it out: `round(share * n)` items to each part, what is left to the last.

    Args:
        shares: of all parts but the last; Python's `round`, so halves go to the even side.
        rng: the module `random` or a generator of its own.

    Raises:
        ValueError: a class has too few items for every part to get one.
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
                    f"class {items[0].classname!r} has {len(items)} images ({items[0].path}, ...): "
                    f"too few for {len(parts)} parts of at least one each; add images or take the class out"
                )
            part += items[start:end]
    return parts


def read_split(path: Path, image_dir: str) -> Split:
    """A `split_zhou_*.json`: `{"train": [[path below image_dir, label, class name], ...], "val", "test"}`.

    Raises:
        ValueError: it has another form.
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
            f"{path} is no split file ({type(error).__name__}: {error}); expected train, val and test with "
            "rows [path, label, class name]: put the published file there, or delete it to have one made"
        ) from None
    return Split(*parts)


def checked_item(path: str, label: int | str, classname: str) -> Item:
    """
    Raises:
        TypeError, ValueError, OverflowError: a label that is no number from 0, or a class name without a letter.
    """
    item = Item(str(path), int(label), str(classname))
    if item.label < 0:
        raise ValueError(f"label {label} of {path} is below 0")
    if not item.classname.replace("_", " ").strip():
        raise ValueError(f"class name of {path} is empty")
    return item


def check_names(items: Iterable[Item]) -> None:
    """Raises ValueError unless all items of a label have one class name."""
    names: dict[int, str] = {}
    for item in items:
        if names.setdefault(item.label, item.classname) != item.classname:
            raise ValueError(
                f"label {item.label} is both {names[item.label]!r} and {item.classname!r}"
            )


def split_text(split: Split, image_dir: str) -> str:
    """The content of the split file, to the byte as this field writes it."""
    rows = {
        name: [
            [str(PurePosixPath(item.path).relative_to(image_dir)), *item[1:]]
            for item in items or []
        ]
        for name, items in split._asdict().items()
    }
    return json.dumps(rows, indent=4, separators=(",", ": "))


def class_half(split: Split, which: str) -> Split:
    """All classes, or the first half of them (base, the larger one) or the second (new), labels from 0.

    The classes are those of `split.train`, by label.

    Raises:
        ValueError: `which` is none of all, base and new.
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
