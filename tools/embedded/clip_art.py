"""Captioned clip art; the caption is the file's name without author and number."""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tools.embedded.emoji import names
from tools.embedded.packages import debian
from tools.embedded.pictures import Drawing, square

Image.MAX_IMAGE_PIXELS = 4_000_000  # leaves out a few pieces of clip art, which are posters
warnings.simplefilter("error", Image.DecompressionBombWarning)
PACKAGE = "openclipart-png=1:0.18+dfsg-19"
KINDS = (
    "animals",
    "buildings",
    "containers",
    "education",
    "electronics",
    "food",
    "office",
    "people",
    "plants",
    "recreation",
    "science",
    "tools",
    "transportation",
)
NO_PICTURES = {
    "aiga symbols",
    "roadsigns",
    "simple",
    "white",
    "bordered",
    "ornamental",
    "cardbacks",
    "stickmen",
}


def clip_art(work: Path) -> Iterator[tuple[Drawing, Image.Image]]:
    """The Open Clip Art Library's pictures of things and people."""
    root = debian(work, PACKAGE) / "usr" / "share" / "openclipart" / "png"
    known = {
        word
        for drawing in names(work).values()
        for word in _words(" ".join([drawing.label, *drawing.tags]))
    }
    for file in sorted(file for kind in KINDS for file in (root / kind).rglob("*.png")):
        kind, *parts = file.relative_to(root).parent.parts
        subgroup = " ".join(_words(parts[-1])) if parts else kind
        try:
            picture = square(Image.open(file))
        except (OSError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
            continue
        if subgroup not in NO_PICTURES:
            label = " ".join(word for word in _words(file.stem) if word in known)
            yield Drawing(source="clip-art", label=label, subgroup=subgroup), picture


def _words(text: str) -> list[str]:
    """Words of at least three letters, in lower case."""
    return re.findall(r"[a-z]{3,}", re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower())
