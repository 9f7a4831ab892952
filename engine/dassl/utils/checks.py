"""Checks of configuration values, where they are used; each names the key."""

from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import TypeVar

T = TypeVar("T")
Number = TypeVar("Number", int, float)


class NotAllowed(ValueError, AssertionError):
    """A value that Dassl.pytorch refuses by `assert`; callers catch either class."""


def in_range(key: str, value: Number, least: float, most: float = float("inf")) -> Number:
    """The value.

    Raises:
        ValueError: it is below `least` or above `most`.
    """
    if value < least:
        raise ValueError(f"{key} is {value}; it must be at least {least}")
    if value > most:
        raise ValueError(f"{key} is {value}; it must be at most {most}")
    return value


def one_of(key: str, value: T, allowed: Iterable[T]) -> T:
    """The value.

    Raises:
        ValueError: it is not allowed; names what is.
    """
    allowed = list(allowed)
    if value not in allowed:
        raise ValueError(f"{key} is {value!r}; {choices(value, allowed)}")
    return value


def choices(value: object, allowed: Iterable[object]) -> str:
    """What to choose from, and what may have been meant."""
    names = [str(choice) for choice in allowed]
    close = get_most_similar_str_to_a_from_b(str(value), names)
    return f"choose one of {', '.join(names)}" + (f" (did you mean {close}?)" if close else "")


def get_most_similar_str_to_a_from_b(a: str, b: Iterable[str]) -> str | None:
    """The first of the strings in `b` that are most like `a`; None if there is none."""
    return max(b, key=lambda each: SequenceMatcher(None, a, each).ratio(), default=None)
