"""Checks of configuration values, where they are used; each names the key."""

import difflib
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")
Number = TypeVar("Number", int, float)


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
    close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.0)
    return f"choose one of {', '.join(names)}" + (f" (did you mean {close[0]}?)" if close else "")
