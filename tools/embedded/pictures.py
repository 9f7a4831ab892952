"""Pictures of one size: rendered, or fitted into a square."""

import io
from typing import NamedTuple

from PIL import Image

SIZE = 64


class Drawing(NamedTuple):
    """A picture for pre-training, and what its captions are made of.

    Attributes:
        source: an emoji vendor, or where else it is from.
        label: its name; empty where it has none.
        hexcode: the code points of an emoji.
        mono: drawn in one colour, which says nothing about it.
    """

    source: str
    label: str
    hexcode: str = ""
    tags: tuple[str, ...] = ()
    subgroup: str = ""
    mono: bool = False


def rendered(svg: str) -> Image.Image:
    """An SVG image as RGBA."""
    import resvg_py  # not installed with the project

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIZE, height=SIZE))
    return square(Image.open(io.BytesIO(png)))


def square(picture: Image.Image) -> Image.Image:
    """RGBA, fitted into SIZE x SIZE, centred on a transparent background."""
    picture = picture.convert("RGBA")
    picture.thumbnail((SIZE, SIZE), Image.Resampling.BOX)
    canvas = Image.new("RGBA", (SIZE, SIZE))
    canvas.paste(picture, ((SIZE - picture.width) // 2, (SIZE - picture.height) // 2))
    return canvas
