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
        choices = [str(choice) for choice in allowed]
        close = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.0)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise ValueError(f"{key} is {value!r}; choose one of {', '.join(choices)}{hint}")
    return value
