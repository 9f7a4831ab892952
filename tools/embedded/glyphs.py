"""Digits and letters as many fonts draw them, most of them handwriting."""

import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tools.embedded.packages import member, npm
from tools.embedded.pictures import SIZE, Drawing

VERSION = "5.3.0"
FONTS = (
    "annie-use-your-telescope", "architects-daughter", "caveat", "comic-neue", "coming-soon",
    "courier-prime", "covered-by-your-grace", "delius", "fuzzy-bubbles", "gloria-hallelujah",
    "handlee", "indie-flower", "itim", "just-another-hand", "kalam", "lato", "mali", "merriweather",
    "neucha", "nunito", "oswald", "patrick-hand", "permanent-marker", "playfair-display",
    "reenie-beanie", "roboto", "rock-salt", "schoolbell", "shadows-into-light", "short-stack",
    "sriracha", "sue-ellen-francisco", "waiting-for-the-sunrise", "walter-turncoat",
)  # fmt: skip
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
STROKES = (0, 6, 12)  # pixels that are added around a figure, of 320


def glyphs(work: Path) -> Iterator[tuple[Drawing, Image.Image]]:
    """Each digit and capital letter in each font, with strokes of several widths."""
    for font in FONTS:
        package = npm(work, f"@fontsource/{font}@{VERSION}")
        content = member(package, f"files/{font}-latin-400-normal.woff2")
        typeface = ImageFont.truetype(io.BytesIO(content), 160)
        for number, name in enumerate(DIGITS):
            tags = (
                name,
                f"digit {name}",
                f"number {name}",
                f"digit {number}",
                f"handwritten {name}",
            )
            for stroke in STROKES:
                drawing = Drawing(source="digits", label=name, tags=tags, mono=True)
                yield drawing, _drawn(typeface, str(number), stroke)
        for letter in LETTERS:
            tags = (f"letter {letter}",)
            drawing = Drawing(source="letters", label=tags[0], tags=tags, mono=True)
            yield drawing, _drawn(typeface, letter, 3)


def _drawn(typeface: ImageFont.FreeTypeFont, text: str, stroke: int) -> Image.Image:
    """Black on transparent, cut to what is drawn, with a small margin."""
    canvas = Image.new("RGBA", (320, 320))
    ImageDraw.Draw(canvas).text(
        (160, 160), text, "black", typeface, anchor="mm", stroke_width=stroke
    )
    cut = canvas.crop(canvas.getbbox())
    side = int(1.15 * max(cut.size))
    framed = Image.new("RGBA", (side, side))
    framed.paste(cut, ((side - cut.width) // 2, (side - cut.height) // 2))
    return framed.resize((SIZE, SIZE), Image.Resampling.BOX)
