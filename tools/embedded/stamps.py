"""Tux Paint's stamps: photographs and drawings of things, each with a sentence."""

import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tools.embedded.packages import debian
from tools.embedded.pictures import Drawing, rendered, square

PACKAGE = "tuxpaint-stamps-default=2022.06.04-1"
NO_PICTURES = {"symbols"}


def stamps(work: Path) -> Iterator[tuple[Drawing, Image.Image]]:
    """A stamp whose sentence is `A pair of pants.` is called `pair of pants`."""
    root = debian(work, PACKAGE) / "usr" / "share" / "tuxpaint" / "stamps"
    for file in sorted([*root.rglob("*.png"), *root.rglob("*.svg")]):
        kind, *_ = file.relative_to(root).parts
        text = file.with_suffix(".txt")
        if kind in NO_PICTURES or not text.is_file():
            continue
        sentence = text.read_text(encoding="utf-8").splitlines()[0].partition(". ")[0]
        label = re.sub(r"^(an?|the|some) ", "", sentence.lower().strip(" .!")).strip()
        try:
            picture = _read(file)
        except (OSError, ValueError, Image.DecompressionBombWarning):
            continue
        yield Drawing(source="stamps", label=label, subgroup=file.parent.name), picture


def _read(file: Path) -> Image.Image:
    if file.suffix == ".svg":
        return rendered(file.read_text(encoding="utf-8"))
    return square(Image.open(file))
