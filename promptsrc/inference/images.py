"""From image files to the image tower's input, exactly as the tests of a run do it.

Images are read like the engine reads them (`reader`).
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from promptsrc.inference.reader import READ_AS
from promptsrc.inference.square import square
from promptsrc.weights.stated import INTERPOLATIONS

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of OpenAI's training images: red, green, blue
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Preprocessing:
    """Shorter side to `size` pixels, the centre square of it, (x - mean) / std of values in [0, 1].

    Args:
        interpolation: bilinear, bicubic or nearest.
        read_as: how files are read before, "stored" or "shown" (see `reader`).
    """

    size: int
    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD
    interpolation: str = "bicubic"
    read_as: str = "stored"

    @classmethod
    def of(cls, stated: dict[str, Any], resolution: int) -> "Preprocessing":
        """What a checkpoint states as `input`; what it leaves out is CLIP's.

        Raises:
            ValueError: a step or value that is unknown here, or a size other than the backbone's.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(stated) - known):
            raise ValueError(
                f"the images of these prompts need {', '.join(unknown)}; known are only "
                f"{', '.join(sorted(known))}"
            )
        if stated.get("size") != resolution:
            raise ValueError(
                f"these prompts are for images of {stated.get('size')} pixels, but their backbone "
                f"is for {resolution}"
            )
        for key in {"mean", "std"} & set(stated):
            if not _is_colour(stated[key]):
                raise ValueError(f"the images' {key} is {stated[key]!r}; it must be three numbers")
        if 0 in stated.get("std", ()):
            raise ValueError(f"the images' std is {stated['std']!r}; it must not hold 0")
        if (how := stated.get("interpolation", "bicubic")) not in INTERPOLATIONS:
            raise ValueError(
                f"the images' interpolation is {how!r}; use {', '.join(INTERPOLATIONS)}"
            )
        if (read_as := stated.get("read_as", "stored")) not in READ_AS:
            raise ValueError(f"the images' read_as is {read_as!r}; use {' or '.join(READ_AS)}")
        arguments: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in stated.items()
        }
        return cls(**arguments)

    def __call__(self, image: Image.Image) -> Tensor:
        """An RGB image -> (3, size, size).

        Raises:
            OSError: the image has no pixels.
        """
        return self.normalised(square(image, self.size, self.interpolation))

    def normalised(self, pixels: np.ndarray) -> Tensor:
        """Bytes (size, size, 3) -> (3, size, size)"""
        values = torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float() / 255
        mean, std = (torch.tensor(v)[:, None, None] for v in (self.mean, self.std))
        return (values - mean) / std


def _is_colour(value: Any) -> bool:
    numbers = isinstance(value, list | tuple) and all(isinstance(v, int | float) for v in value)
    return numbers and len(value) == 3
