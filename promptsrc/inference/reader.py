"""Image files as 8-bit RGB.

`dassl.utils.reader` and `promptsrc.inference.reader` are the same file, since neither package
imports the other; a test compares them.

Pixels are read in one of two ways:

    stored   the stored pixels, without alpha: how CoOp-style code reads published datasets
    shown    turned as EXIF says, transparent parts on white: how people see their own images

Images of 8 bits per channel are otherwise what Pillow makes of them. What has more bits is scaled
where its range is known, and refused where it is not (`_scaled`).
"""

import os
import re
from functools import cache
from importlib.util import find_spec
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

MOST_PIXELS = 2**24  # of a resized image: 64 MB
READ_AS = ("stored", "shown")
# Nothing else is opened: Pillow hands PostScript to Ghostscript, whatever the file is called.
ALWAYS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "ICO", "PSD")
WIDE = re.compile(r";16[BLN]")  # 16 bits in each of several channels, in what Pillow says of a file
BRIGHT = 99  # percent of the pixels; above may be specks
ORIENTATION = 0x0112  # of EXIF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: str | os.PathLike | BinaryIO, read_as: str = "stored") -> Image.Image:
    """An RGB image; of an animation or a stack the first one.

    Args:
        path: a path, or an open file.

    Raises:
        OSError: it is missing, unreadable, or in a format that is not opened; names it.
    """
    formats = _formats(path)
    try:
        with Image.open(path, formats=formats) as image:
            return to_rgb(image, read_as)
    except FileNotFoundError:
        raise FileNotFoundError(f"no image at {path}") from None
    except UnidentifiedImageError:
        heic = "" if "HEIF" in formats else "; HEIC needs pillow-heif"
        reason = f"it is not one of {', '.join(formats)}{heic}"
    except Image.DecompressionBombError:
        reason = f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels; make it smaller"
    except MemoryError:
        reason = "it takes more memory than there is"
    except Exception as error:  # Pillow's decoders raise any on damage, even struct.error
        reason = " ".join(str(error).split())
    name = path if isinstance(path, str | os.PathLike) else "in memory"
    raise OSError(f"image {name} can't be read ({reason}); replace it or take it out")


def _formats(path: object) -> tuple[str, ...]:
    """Pillow's names of the formats that a file may have, whatever its ending.

    Only TGA needs its ending: it has no signature, so damaged files of other kinds pass for it.
    """
    return (*_installed(), "TGA") if str(path).lower().endswith(".tga") else _installed()


@cache
def _installed() -> tuple[str, ...]:
    avif = ("AVIF",) if find_spec("PIL._avif") else ()
    if find_spec("pillow_heif") is None:
        return (*ALWAYS, *avif)
    from pillow_heif import register_heif_opener

    register_heif_opener()
    return (*ALWAYS, *avif, "HEIF")


def to_rgb(image: Image.Image, read_as: str = "stored") -> Image.Image:
    """The RGB image, 8 bits per channel.

    Raises:
        OSError: its values have no known scale.
    """
    layout = str(getattr(image, "tile", ""))  # of the file; Pillow forgets it on loading
    image.load()
    if image.mode == "F" or image.mode.startswith("I"):
        rgb = Image.fromarray(_scaled(image, layout)).convert("RGB")
    else:
        # by way of RGBA, since Pillow warns where a palette's alpha is lost
        full = image.convert("RGBA") if _has_alpha(image) else image
        rgb = _on_white(full) if read_as == "shown" else full.convert("RGB")
        # of 16 bits in each of several channels Pillow keeps the upper 8
        if WIDE.search(layout) and np.percentile(np.asarray(rgb), BRIGHT) < 16:
            raise _of_unknown_scale(image, "all its 16-bit values are below 4,096")
    turn = _turn(image) if read_as == "shown" else None
    return rgb if turn is None else rgb.transpose(turn)


def _scaled(image: Image.Image, layout: str) -> np.ndarray:
    """The values (H, W) of one wide channel, as 8 bits.

    Files do not say which value is white, so the largest value tells: it is at least a sixteenth of
    it. White is 1 or 255 for floats, 255 or 65,535 for unsigned integers of 16 bits, and 255 for
    others, such as signed ones. For the larger of two, one bright pixel is not enough.

    Raises:
        OSError: no white fits, or there is a negative value or NaN.
    """
    values = np.asarray(image)
    low, high = values.min(), values.max()
    of_16_bits = image.mode != "I" or image.format in (
        "PNG",
        "PPM",
    )  # "I" is also signed, or longer
    whites = (1, 255) if image.mode == "F" else (255, 65535) if of_16_bits else (255,)
    if ";12" in layout:
        whites = (4095,)
    white = next((white for white in whites if high <= white), None)
    bright = high if white == whites[0] else np.percentile(values, BRIGHT, method="lower")
    if white is None or not low >= 0 or 0 < bright < white / 16:
        raise _of_unknown_scale(image, f"values from {low:g} to {high:g}")
    if image.mode == "F":
        return np.rint(values * (255 / white)).astype(np.uint8)
    return (values >> (white.bit_length() - 8)).astype(np.uint8)  # like Pillow for 16-bit colours


def _of_unknown_scale(image: Image.Image, values: str) -> OSError:
    return OSError(f"mode {image.mode}, {values}: which value is white is unknown; save as 8 bits")


def _has_alpha(image: Image.Image) -> bool:
    return image.getbands()[-1] in ("A", "a") or "transparency" in image.info


def _on_white(image: Image.Image) -> Image.Image:
    """An image over white; an alpha channel that is 0 throughout was not meant as one."""
    if image.mode != "RGBA" or image.getchannel("A").getbbox() is None:
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What its EXIF orientation asks for; odd EXIF entries ask for nothing."""
    if image.format == "TIFF":  # Pillow has turned it
        return None
    try:
        return TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # damaged EXIF raises any, and the pixels are fine
        return None


def is_turned(path: str | os.PathLike) -> bool:
    """Whether a readable image file is shown otherwise than it is stored."""
    try:
        with Image.open(path, formats=_formats(path)) as image:
            return _turn(image) is not None
    except Exception:  # reading it reports that
        return False


def is_wide(path: str | os.PathLike) -> bool:
    """Whether a readable image file has more than 8 bits per channel."""
    with Image.open(path, formats=_formats(path)) as image:
        return image.mode[0] in "IF" or bool(WIDE.search(str(getattr(image, "tile", ""))))


def middle(image: Image.Image, size: int) -> Image.Image:
    """The part to resize, where only the centre square of the resized image is used.

    It is the whole image, unless that is so long that its shorter side of `size` pixels makes more
    than MOST_PIXELS: then the middle, 64 times as long as wide. The square is the same up to half a
    pixel.
    """
    short, long = sorted(image.size)
    if size * size * long <= MOST_PIXELS * short:
        return image
    cut = (long - 64 * short) // 2  # at both ends, so that the centre stays
    box = (cut, 0, long - cut, short) if image.width == long else (0, cut, short, long - cut)
    return image.crop(box)
