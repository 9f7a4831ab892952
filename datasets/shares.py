"""Splits by shares (DATASET.SPLIT), in which an image's part depends on the image alone.

Its path is hashed to a number from 0 to 1, and the shares are intervals there: more images move
none that have a part. The lowest number of a class is always for training, the highest for the
test, so that small classes have both.
"""

import hashlib
import math
import random
from collections.abc import Sequence

from datasets.splits import Item, Split, by_label, cut

ALL_TESTED = (0.0, 0.0, 1.0)  # nothing is trained on


def split_by_shares(items: list[Item], shares: Sequence[float], shuffled: bool = False) -> Split:
    """A split by shares of each class, the same for every seed; all images for `ALL_TESTED`.

    Args:
        shuffled: cut shuffled classes, as version 0.1 did; one more image moves others.

    Raises:
        ValueError: the shares are not three that sum to 1, with some for training and test; or
            `shuffled`, and a class has too few images.
    """
    if tuple(shares) == ALL_TESTED:
        return Split([], None, items)
    check_shares(shares)
    train, val, _ = shares
    if shuffled:
        parts = cut(by_label(items), (train, val) if val else (train,), random.Random(0))
        return Split(*parts) if val else Split(parts[0], None, parts[1])
    split = Split([], [], [])
    for group in by_label(items):
        for part, chosen in zip(split, _divide(group, train, val), strict=True):
            part += chosen
    return split._replace(val=split.val or None)


def check_shares(shares: Sequence[float]) -> None:
    """Check DATASET.SPLIT.

    Raises:
        ValueError: it is not three shares that sum to 1, with some for training and test.
    """
    if (
        len(shares) != 3
        or any(isinstance(share, str) or share < 0 for share in shares)
        or not math.isclose(sum(shares), 1)
        or not (shares[0] and shares[2])
    ):
        raise ValueError(
            f"DATASET.SPLIT is {shares}; give shares of train, val and test: (0.5, 0.2, 0.3)"
        )


def _divide(group: list[Item], train: float, val: float) -> tuple[list[Item], ...]:
    """The images of one class for training, validation and test."""
    numbers = [_number(item.path) for item in group]
    first, last = min(numbers), max(numbers)
    parts: tuple[list[Item], ...] = ([], [], [])
    for item, number in zip(group, numbers, strict=True):
        if number == first or (number < train and number != last):
            parts[0].append(item)
        elif number == last or number >= train + val:
            parts[2].append(item)
        else:
            parts[1].append(item)
    return parts


def _number(path: str) -> float:
    """A number from 0 to 1, evenly distributed over paths."""
    digest = hashlib.sha256(path.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
