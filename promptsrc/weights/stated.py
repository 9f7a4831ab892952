"""What a config says of the CLIP that its weights belong to: sizes, activation, images.

The towers here compute what OpenAI's CLIP computes. An entry of a config that asks for something
else is followed where that is possible, else refused by name.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

HEAD_WIDTH = 64  # in all CLIPs of OpenAI
INTERPOLATIONS = ("bicubic", "bilinear", "nearest")


class Stated(NamedTuple):
    """What a config says; by default what holds for OpenAI's weights.

    quick_gelu: the activation of the MLPs is QuickGELU; else GELU.
    images: mean, std, interpolation (arguments of `promptsrc.inference.images.Preprocessing`).
    sizes: the config's entry and value, by argument of `clip`'s constructor.
    source: the config's file.
    """

    quick_gelu: bool = True
    images: Mapping[str, Any] = {}
    sizes: Mapping[str, tuple[str, Any]] = {}
    source: str = ""

    def check(self, found: Mapping[str, Any]) -> None:
        """Compare the sizes with those of the weights.

        Raises:
            ValueError: they differ.
        """
        for argument, (entry, value) in self.sizes.items():
            value = tuple(value) if isinstance(value, list) else value  # layers of a ResNet
            if value is not None and found[argument] != value:
                raise ValueError(
                    f"{self.source} says {entry} {value}, but the weights have {found[argument]}; "
                    "restore the config that belongs to them"
                )


def unsupported(source: str, entry: str, value: object) -> ValueError:
    """A refusal that names the entry."""
    return ValueError(
        f"{source} says {entry} {value!r}, which is not supported: only CLIPs that compute what "
        "OpenAI's do"
    )


def read_config(path: Path) -> Any:
    """The content of a config, or None where there is no such file.

    Raises:
        ValueError: it is not JSON.
    """
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise damaged(path, error) from None


def damaged(path: Path, error: Exception) -> ValueError:
    """A refusal of a config whose entries are missing or of other types."""
    reason = f"{type(error).__name__}: {error}"
    return ValueError(f"{path} is not a model's config ({reason}); restore or remove it")


def square(value: Any, entry: str, source: str) -> int | None:
    """The side in pixels of an image size, which may be a number or a pair; None stays None.

    Raises:
        ValueError: it is not square.
    """
    sides = value if isinstance(value, list | tuple) else [value]
    if len(set(sides)) != 1:
        raise unsupported(source, entry, value)
    return sides[0]


def checked_images(stated: dict[str, Any], source: str) -> dict[str, Any]:
    """Mean, std and interpolation, as far as they are stated.

    Raises:
        ValueError: a mean or std is not three numbers, or the interpolation is another one.
    """
    for key in {"mean", "std"} & set(stated):
        value = stated[key]
        numbers = isinstance(value, list | tuple) and all(isinstance(v, int | float) for v in value)
        if not numbers or len(value) != 3:
            raise unsupported(source, key, value)
    if (interpolation := stated.get("interpolation", "bicubic")) not in INTERPOLATIONS:
        raise unsupported(source, "interpolation", interpolation)
    return stated


def check_head_widths(widths: Iterable[float], source: str) -> None:
    """Refuse attention heads of another width than in OpenAI's models.

    Raises:
        ValueError: names `source` and the width.
    """
    for width in widths:
        if width != HEAD_WIDTH:
            raise ValueError(
                f"{source} has attention heads of width {width:g}; only {HEAD_WIDTH} is supported"
            )
