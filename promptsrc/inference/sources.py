"""An image in any of the forms that Python code has it in."""

import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image
from torch import Tensor

from promptsrc.inference.listing import image_files
from promptsrc.inference.reader import read_image, to_rgb

# A path, the content of a file, an open binary file, pixels as (H, W) or (H, W, 3 or 4), or a
# tensor (1, 3 or 4, H, W); pixels are bytes, or floats from 0 to 1.
Source = str | os.PathLike | bytes | BinaryIO | Image.Image | np.ndarray | Tensor


def one_by_one(images: Source | Iterable[Source]) -> Iterator[Any]:
    """Each image; of a folder those below it, of an array or tensor with a batch its images.

    Raises:
        FileNotFoundError: no such image or folder.
        ValueError: a folder without images.
    """
    for image in [images] if _is_one(images) else cast(Iterable[Source], images):
        if isinstance(image, str | os.PathLike):
            yield from image_files([image])
        else:
            yield image


def _is_one(images: Any) -> bool:
    if isinstance(images, np.ndarray | Tensor):
        return images.ndim < 4
    return isinstance(images, str | os.PathLike | bytes | Image.Image) or hasattr(images, "read")


def as_rgb(image: Any, read_as: str) -> Image.Image:
    """The RGB image, 8 bits per channel.

    Raises:
        OSError: it can't be read.
        ValueError: it is something else, or its values or shape are not those of an image.
    """
    if isinstance(image, Path):
        rgb = read_image(image, read_as)
    elif isinstance(image, Image.Image):
        rgb = to_rgb(image, read_as)
    elif isinstance(image, np.ndarray | Tensor):
        rgb = to_rgb(Image.fromarray(_pixels(image)), read_as)
    elif isinstance(image, bytes):
        rgb = read_image(io.BytesIO(image), read_as)
    elif hasattr(image, "read"):
        rgb = read_image(image, read_as)
    else:
        raise ValueError(
            f"an image is of type {type(image).__name__}; give a path, bytes, a file, a PIL image, "
            "an array or a tensor"
        )
    return rgb


def _pixels(image: np.ndarray | Tensor) -> np.ndarray:
    """Bytes (H, W) or (H, W, 3 or 4)."""
    shape, kind = tuple(image.shape), str(image.dtype)
    if isinstance(image, Tensor):
        channels_last = image.detach().cpu().movedim(0, -1) if image.ndim == 3 else image
        image = (
            channels_last.float().numpy() if image.is_floating_point() else channels_last.numpy()
        )
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)):
        raise ValueError(
            f"an image has the shape {shape}; give (H, W) or (H, W, 3), as a tensor (3, H, W)"
        )
    if np.issubdtype(image.dtype, np.floating):
        if image.size and not (image.min() >= 0 and image.max() <= 1):
            raise ValueError(
                f"an image has values from {image.min():g} to {image.max():g}; give floats from 0 "
                "to 1, before any normalisation, or bytes"
            )
        image = np.rint(image * 255).astype(np.uint8)
    if image.dtype != np.uint8:
        raise ValueError(f"an image has values of {kind}; give uint8, or floats from 0 to 1")
    return np.ascontiguousarray(image)
