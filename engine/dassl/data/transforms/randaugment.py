"""RandAugment (Cubuk et al., arXiv 1909.13719) and two variants.

Each draws `n` operations with replacement. The magnitude v of one with the range (low, high):

    RandAugment           low + m / 30 (high - low)
    RandAugment2          random in the range; each operation is applied with probability `p`
    RandAugmentFixMatch   random in the range (Sohn et al., arXiv 2001.07685)

For a seed, images are those of Dassl.pytorch.
"""

import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from dassl.elsewhere import names_of

__getattr__ = names_of(__name__)

Operation = Callable[[Image.Image, float], Image.Image]
Choice = tuple[Operation, float, float]
MEAN_COLOUR = (125, 123, 114)  # of ImageNet


def Identity(img: Image.Image, v: float) -> Image.Image:
    return img


def AutoContrast(img: Image.Image, v: float) -> Image.Image:
    return ImageOps.autocontrast(img)


def Equalize(img: Image.Image, v: float) -> Image.Image:
    return ImageOps.equalize(img)


def Invert(img: Image.Image, v: float) -> Image.Image:
    return ImageOps.invert(img)


def Posterize(img: Image.Image, v: float) -> Image.Image:
    """To the `v` highest bits."""
    return ImageOps.posterize(img, int(v))


def Solarize(img: Image.Image, v: float) -> Image.Image:
    """Invert values from `v` on."""
    return ImageOps.solarize(img, v)


def SolarizeAdd(img: Image.Image, v: float) -> Image.Image:
    """Brighten by `v`, then invert the upper half."""
    brighter = [min(value + int(v), 255) for value in range(256)]
    table = [value if value < 128 else 255 - value for value in brighter]
    return img.point(table * len(img.getbands()))


def Color(img: Image.Image, v: float) -> Image.Image:
    return ImageEnhance.Color(img).enhance(v)


def Contrast(img: Image.Image, v: float) -> Image.Image:
    return ImageEnhance.Contrast(img).enhance(v)


def Brightness(img: Image.Image, v: float) -> Image.Image:
    return ImageEnhance.Brightness(img).enhance(v)


def Sharpness(img: Image.Image, v: float) -> Image.Image:
    return ImageEnhance.Sharpness(img).enhance(v)


def Rotate(img: Image.Image, v: float) -> Image.Image:
    """By `v` degrees, to either side."""
    return img.rotate(_either_sign(v))


def ShearX(img: Image.Image, v: float) -> Image.Image:
    return _affine(img, 1, _either_sign(v), 0, 0, 1, 0)


def ShearY(img: Image.Image, v: float) -> Image.Image:
    return _affine(img, 1, 0, 0, _either_sign(v), 1, 0)


def TranslateX(img: Image.Image, v: float) -> Image.Image:
    """By this part of the width, to either side."""
    return TranslateXabs(img, v * img.width)


def TranslateY(img: Image.Image, v: float) -> Image.Image:
    return TranslateYabs(img, v * img.height)


def TranslateXabs(img: Image.Image, v: float) -> Image.Image:
    """By `v` pixels, to either side."""
    return _affine(img, 1, 0, _either_sign(v), 0, 1, 0)


def TranslateYabs(img: Image.Image, v: float) -> Image.Image:
    return _affine(img, 1, 0, 0, 0, 1, _either_sign(v))


def CutoutAbs(img: Image.Image, v: float) -> Image.Image:
    """Cover a square of `v` pixels a side, at a random place, with ImageNet's mean colour."""
    x, y = np.random.uniform(img.width), np.random.uniform(img.height)
    left, top = int(max(x - v / 2, 0)), int(max(y - v / 2, 0))
    corners = left, top, min(left + v, img.width), min(top + v, img.height)
    img = img.copy()
    ImageDraw.Draw(img).rectangle(corners, MEAN_COLOUR)
    return img


def _either_sign(v: float) -> float:
    return -v if random.random() > 0.5 else v


def _affine(image: Image.Image, *matrix: float) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix)


def randaugment_list() -> list[Choice]:
    return [
        (AutoContrast, 0, 1),
        (Equalize, 0, 1),
        (Invert, 0, 1),
        (Rotate, 0, 30),
        (Posterize, 4, 8),
        (Solarize, 0, 256),
        (SolarizeAdd, 0, 110),
        (Color, 0.1, 1.9),
        (Contrast, 0.1, 1.9),
        (Brightness, 0.1, 1.9),
        (Sharpness, 0.1, 1.9),
        (ShearX, 0.0, 0.3),
        (ShearY, 0.0, 0.3),
        (CutoutAbs, 0, 40),
        (TranslateXabs, 0.0, 100),
        (TranslateYabs, 0.0, 100),
    ]


def randaugment_list2() -> list[Choice]:
    return [
        (AutoContrast, 0, 1),
        (Brightness, 0.1, 1.9),
        (Color, 0.1, 1.9),
        (Contrast, 0.1, 1.9),
        (Equalize, 0, 1),
        (Identity, 0, 1),
        (Invert, 0, 1),
        (Posterize, 4, 8),
        (Rotate, -30, 30),
        (Sharpness, 0.1, 1.9),
        (ShearX, -0.3, 0.3),
        (ShearY, -0.3, 0.3),
        (Solarize, 0, 256),
        (TranslateX, -0.3, 0.3),
        (TranslateY, -0.3, 0.3),
    ]


def fixmatch_list() -> list[Choice]:
    enhancements = (Brightness, Color, Contrast, Sharpness)
    return [
        (operation, 0.05, 0.95) if operation in enhancements else (operation, low, high)
        for operation, low, high in randaugment_list2()
        if operation is not Invert
    ]


class RandAugment:
    """`n` operations of magnitude `m`, of 30."""

    def __init__(self, n: int = 2, m: float = 10):
        self.n, self.m = n, m
        self.augment_list = randaugment_list()

    def __call__(self, img: Image.Image) -> Image.Image:
        for operation, low, high in random.choices(self.augment_list, k=self.n):
            img = operation(img, self.m / 30 * (high - low) + low)
        return img


class RandAugment2:
    """`n` operations of random magnitude, each with probability `p`."""

    def __init__(self, n: int = 2, p: float = 0.6):
        self.n, self.p = n, p
        self.augment_list = randaugment_list2()

    def __call__(self, img: Image.Image) -> Image.Image:
        for operation, low, high in random.choices(self.augment_list, k=self.n):
            if random.random() <= self.p:
                img = operation(img, random.random() * (high - low) + low)
        return img


class RandAugmentFixMatch:
    """`n` operations of random magnitude."""

    def __init__(self, n: int = 2):
        self.n = n
        self.augment_list = fixmatch_list()

    def __call__(self, img: Image.Image) -> Image.Image:
        for operation, low, high in random.choices(self.augment_list, k=self.n):
            img = operation(img, random.random() * (high - low) + low)
        return img
