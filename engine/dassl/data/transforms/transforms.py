"""Builds torchvision transforms from the choices of the configuration, in a fixed order."""

import math
import random
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode
from yacs.config import CfgNode

from dassl.utils.checks import in_range, one_of
from dassl.utils.reader import middle

INTERPOLATION_MODES = {
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
    "nearest": InterpolationMode.NEAREST,
}


class Resize(T.Resize):
    """Shorter side to `size`, for a centre square."""

    def forward(self, img: Image.Image) -> Image.Image:
        return super().forward(middle(img, self.size))


class Random2DTranslation:
    """Resize, or half of the time enlarge by 9/8 and cut a random window of the size."""

    def __init__(self, height: int, width: int, interpolation: InterpolationMode):
        self.resize = T.Resize((height, width), interpolation)
        self.enlarge = T.Resize((round(height * 1.125), round(width * 1.125)), interpolation)
        self.crop = T.RandomCrop((height, width))

    def __call__(self, image: Image.Image) -> Image.Image:
        return self.resize(image) if random.random() < 0.5 else self.crop(self.enlarge(image))


class Cutout:
    """Set `n` random squares of a tensor (C, H, W) to zero."""

    def __init__(self, n: int, length: int):
        self.n, self.length = n, length

    def __call__(self, image: Tensor) -> Tensor:
        image = image.clone()
        _, height, width = image.shape
        for _ in range(self.n):
            y, x = (int(torch.randint(limit, (1,))) for limit in (height, width))
            top, left = max(y - self.length // 2, 0), max(x - self.length // 2, 0)
            image[:, top : y + self.length // 2, left : x + self.length // 2] = 0
        return image


class GaussianNoise:
    """Add normal noise to a tensor, half of the time."""

    def __init__(self, mean: float, std: float):
        self.mean, self.std = mean, std

    def __call__(self, image: Tensor) -> Tensor:
        if torch.rand(1) > 0.5:
            return image
        return image + self.mean + self.std * torch.randn_like(image)


class InstanceNormalization:
    """Zero mean and unit variance for each channel of a tensor (C, H, W)."""

    def __call__(self, image: Tensor) -> Tensor:
        mean, std = image.mean((1, 2), keepdim=True), image.std((1, 2), keepdim=True)
        return (image - mean) / (std + 1e-8)


def _crops(cfg: CfgNode) -> dict[str, Callable]:
    """Choices whose result has INPUT.SIZE, so that no resize is needed."""
    (height, width), mode = cfg.INPUT.SIZE, INTERPOLATION_MODES[cfg.INPUT.INTERPOLATION]
    size = height, width
    return {
        "random_translation": lambda: Random2DTranslation(height, width, mode),
        "random_crop": lambda: T.RandomCrop(size, padding=_number(cfg, "CROP_PADDING", 10_000)),
        "random_resized_crop": lambda: T.RandomResizedCrop(
            size, _crop_scale(cfg), interpolation=mode
        ),
    }


def _number(cfg: CfgNode, key: str, most: float, least: float = 0) -> Any:
    return in_range(f"INPUT.{key}", cfg.INPUT[key], least, most)


def _crop_scale(cfg: CfgNode) -> tuple[float, float]:
    scale = tuple(cfg.INPUT.RRCROP_SCALE)
    if len(scale) != 2 or isinstance(scale[0], str) or not 0 < scale[0] <= scale[1] <= 1:
        raise ValueError(
            f"INPUT.RRCROP_SCALE is {scale}; it takes the smallest and the largest share of an "
            "image, such as (0.08, 1.0)"
        )
    return scale


def _jitter(cfg: CfgNode) -> Callable:
    parts = (_number(cfg, f"COLORJITTER_{part}", 0.5 if part == "H" else 100) for part in "BCSH")
    return T.ColorJitter(*parts)


def _randaugment(cfg: CfgNode) -> Callable:
    return T.RandAugment(_number(cfg, "RANDAUGMENT_N", 100), _number(cfg, "RANDAUGMENT_M", 30))


def _blur(cfg: CfgNode) -> Callable:
    if not (kernel := _number(cfg, "GB_K", 1001)) % 2:
        raise ValueError(f"INPUT.GB_K is {kernel}; a blur's kernel has an odd number of pixels")
    return T.RandomApply([T.GaussianBlur(kernel)], p=_number(cfg, "GB_P", 1))


def normalisation(cfg: CfgNode) -> Callable:
    """With INPUT.PIXEL_MEAN and PIXEL_STD.

    Raises:
        ValueError: they are not three numbers each, within their limits.
    """
    values = {key: list(cfg.INPUT[key]) for key in ("PIXEL_MEAN", "PIXEL_STD")}
    for key, value in values.items():
        if len(value) != 3 or not all(isinstance(number, int | float) for number in value):
            raise ValueError(f"INPUT.{key} is {value}; it takes three numbers: red, green, blue")
        if max(map(abs, value)) > 1000 or (key == "PIXEL_STD" and min(value) <= 0):
            limits = "above 0 and at most 1000" if key == "PIXEL_STD" else "within -1000 and 1000"
            raise ValueError(f"INPUT.{key} is {value}; all three must be {limits}")
    return T.Normalize(*values.values())


def _on_images(cfg: CfgNode) -> dict[str, Callable]:
    return {
        "random_flip": T.RandomHorizontalFlip,
        "imagenet_policy": lambda: T.AutoAugment(T.AutoAugmentPolicy.IMAGENET),
        "cifar10_policy": lambda: T.AutoAugment(T.AutoAugmentPolicy.CIFAR10),
        "svhn_policy": lambda: T.AutoAugment(T.AutoAugmentPolicy.SVHN),
        "randaugment": lambda: _randaugment(cfg),
        "randaugment_fixmatch": lambda: T.RandAugment(_number(cfg, "RANDAUGMENT_N", 100)),
        "randaugment2": lambda: T.RandAugment(_number(cfg, "RANDAUGMENT_N", 100)),
        "colorjitter": lambda: _jitter(cfg),
        "randomgrayscale": lambda: T.RandomGrayscale(p=_number(cfg, "RGS_P", 1)),
        "gaussian_blur": lambda: _blur(cfg),
    }


def _on_tensors(cfg: CfgNode) -> dict[str, Callable]:
    return {
        "cutout": lambda: Cutout(
            _number(cfg, "CUTOUT_N", 1000), _number(cfg, "CUTOUT_LEN", math.inf)
        ),
        "normalize": lambda: normalisation(cfg),
        "gaussian_noise": lambda: GaussianNoise(
            cfg.INPUT.GN_MEAN, _number(cfg, "GN_STD", math.inf)
        ),
        "instance_norm": InstanceNormalization,
    }


AVAI_CHOICES = [
    "random_flip",
    "random_resized_crop",
    "normalize",
    "instance_norm",
    "random_crop",
    "random_translation",
    "center_crop",  # does nothing: tests crop the centre anyway
    "cutout",
    "imagenet_policy",
    "cifar10_policy",
    "svhn_policy",
    "randaugment",
    "randaugment_fixmatch",
    "randaugment2",
    "gaussian_noise",
    "colorjitter",
    "randomgrayscale",
    "gaussian_blur",
]


def build_transform(
    cfg: CfgNode, is_train: bool = True, choices: Sequence[str] | None = None
) -> T.Compose | None:
    """The training or test transform of INPUT, or None if NO_TRANSFORM is set.

    `choices` replaces INPUT.TRANSFORMS.

    Raises:
        ValueError: an unknown choice or interpolation, or a value that a choice does not take.
    """
    if cfg.INPUT.NO_TRANSFORM:
        print("Note: no transform is applied!")
        return None
    choices = list(cfg.INPUT.TRANSFORMS if choices is None else choices)
    for choice in choices:
        if choice not in AVAI_CHOICES:
            raise ValueError(
                f"INPUT.TRANSFORMS has {choice!r}; choose from {', '.join(AVAI_CHOICES)}"
            )
    one_of("INPUT.INTERPOLATION", cfg.INPUT.INTERPOLATION, INTERPOLATION_MODES)
    return T.Compose(_train_steps(cfg, choices) if is_train else _test_steps(cfg, choices))


def _train_steps(cfg: CfgNode, choices: Sequence[str]) -> list[Callable]:
    crops, on_images, on_tensors = _crops(cfg), _on_images(cfg), _on_tensors(cfg)
    resize = [T.Resize(tuple(cfg.INPUT.SIZE), INTERPOLATION_MODES[cfg.INPUT.INTERPOLATION])]
    return [
        *([] if any(name in choices for name in crops) else resize),
        *_chosen(crops | on_images, choices),
        T.ToTensor(),
        *_chosen(on_tensors, choices),
    ]


def _test_steps(cfg: CfgNode, choices: Sequence[str]) -> list[Callable]:
    return [
        Resize(max(cfg.INPUT.SIZE), INTERPOLATION_MODES[cfg.INPUT.INTERPOLATION]),
        T.CenterCrop(tuple(cfg.INPUT.SIZE)),
        T.ToTensor(),
        *_chosen(_on_tensors(cfg), {"normalize", "instance_norm"} & set(choices)),
    ]


def _chosen(builders: dict[str, Callable], choices: Collection[str]) -> list[Callable]:
    return [build() for name, build in builders.items() if name in choices]
