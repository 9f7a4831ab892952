"""From an image file to the bytes of its centre square. Imports neither PyTorch nor a CLIP."""

import os

import numpy as np
from PIL import Image

from promptsrc.inference.reader import middle, read_image


def read_square(
    path: str | os.PathLike, size: int, interpolation: str, read_as: str
) -> np.ndarray | OSError:
    """The bytes (size, size, 3) of a file, or why it can't be read."""
    try:
        return square(read_image(path, read_as), size, interpolation)
    except MemoryError:
        return OSError(f"image {path} can't be read (it takes more memory than there is)")
    except OSError as error:
        return error


def square(image: Image.Image, size: int, interpolation: str) -> np.ndarray:
    """The bytes (size, size, 3) of an RGB image: its shorter side to `size`, and the centre.

    The pixels are those of torchvision, which takes as long to import as PyTorch itself.

    Raises:
        OSError: the image has no pixels.
    """
    if 0 in image.size:
        raise OSError(f"an image of {image.width} x {image.height} pixels has nothing to see")
    image = middle(image, size)
    short = min(image.size)
    if short != size:
        width, height = (int(size * side / short) for side in image.size)
        image = image.resize((width, height), Image.Resampling[interpolation.upper()])
    left, top = (round((side - size) / 2) for side in image.size)
    return np.array(image.crop((left, top, left + size, top + size)))
