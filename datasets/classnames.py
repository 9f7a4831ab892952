"""Class names of your own data. Published lists are not checked: some hold a name twice."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptsrc.inference.classnames import read_by_clip


def check_distinct(names: Mapping[Any, str], source: Path | str, places: str, hint: str) -> None:
    """Check that CLIP can tell class names apart.

    Args:
        names: the class name of each place, such as a folder or the line of a table.
        places: what the keys are, for the message.
        hint: what to do.

    Raises:
        ValueError: CLIP reads nothing in a name, or the same in two.
    """
    seen: dict[tuple[int, ...], Any] = {}
    for place, name in names.items():
        first = seen.setdefault(read_by_clip(name, str(source)), place)
        if first != place:
            other = names[first]
            both = f"name {name!r}" if name == other else f"names {other!r} and {name!r}"
            raise ValueError(
                f"{source}: {places} {first!r} and {place!r} have the class {both}, and CLIP "
                f"cannot tell them apart; {hint}"
            )
