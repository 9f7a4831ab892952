"""AutoAugment's learned policies (Cubuk et al., arXiv 1805.09501).

A policy has 25 sub-policies (tables 7 to 9; torchvision has them), one of which is drawn per image:
two operations, each with its probability and one of ten magnitudes (table 6). For a seed, images
are those of Dassl.pytorch.
"""

import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from torchvision import transforms as T

from dassl.elsewhere import names_of

__getattr__ = names_of(__name__)

Colour = tuple[int, int, int]
GREY = (128, 128, 128)
RANGES = {  # operation: its weakest and its strongest magnitude
    "ShearX": (0, 0.3),
    "ShearY": (0, 0.3),
    "TranslateX": (0, 150 / 331),  # of the image
    "TranslateY": (0, 150 / 331),
    "Rotate": (0, 30),  # degrees
    "Color": (0, 0.9),  # distance from 1, the image itself
    "Contrast": (0, 0.9),
    "Sharpness": (0, 0.9),
    "Brightness": (0, 0.9),
    "Posterize": (8, 4),  # bits
    "Solarize": (256, 0),
}
WITHOUT_MAGNITUDE: dict[str, Callable[[Image.Image], Image.Image]] = {
    "AutoContrast": ImageOps.autocontrast,
    "Equalize": ImageOps.equalize,
    "Invert": ImageOps.invert,
}


class _Policy:
    """Augments RGB images; `fillcolor` is where they are moved away."""

    learned_on: T.AutoAugmentPolicy

    def __init__(self, fillcolor: Colour = GREY):
        self.fillcolor = fillcolor
        self.policies = T.AutoAugment(self.learned_on).policies

    def __call__(self, img: Image.Image) -> Image.Image:
        for operation, probability, level in random.choice(self.policies):
            if random.random() < probability:
                img = self._augmented(img, operation, level)
        return img

    def _augmented(self, image: Image.Image, operation: str, level: int | None) -> Image.Image:
        if operation in WITHOUT_MAGNITUDE:
            return WITHOUT_MAGNITUDE[operation](image)
        magnitude = float(np.linspace(*RANGES[operation], 10)[level])
        if operation == "Rotate":
            return image.rotate(magnitude, fillcolor=GREY)
        if operation == "Posterize":
            return ImageOps.posterize(image, round(magnitude))
        if operation == "Solarize":
            return ImageOps.solarize(image, magnitude)
        magnitude *= random.choice([-1, 1])
        if operation in ("Color", "Contrast", "Sharpness", "Brightness"):
            return getattr(ImageEnhance, operation)(image).enhance(1 + magnitude)
        width, height = image.size
        matrix, resample = {
            "ShearX": ((1, magnitude, 0, 0, 1, 0), Image.Resampling.BICUBIC),
            "ShearY": ((1, 0, 0, magnitude, 1, 0), Image.Resampling.BICUBIC),
            "TranslateX": ((1, 0, magnitude * width, 0, 1, 0), Image.Resampling.NEAREST),
            "TranslateY": ((1, 0, 0, 0, 1, magnitude * height), Image.Resampling.NEAREST),
        }[operation]
        return image.transform(
            image.size, Image.Transform.AFFINE, matrix, resample, fillcolor=self.fillcolor
        )


class ImageNetPolicy(_Policy):
    learned_on = T.AutoAugmentPolicy.IMAGENET


class CIFAR10Policy(_Policy):
    learned_on = T.AutoAugmentPolicy.CIFAR10


class SVHNPolicy(_Policy):
    learned_on = T.AutoAugmentPolicy.SVHN
