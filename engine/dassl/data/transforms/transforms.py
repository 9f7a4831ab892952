"""Builds torchvision transforms from the choices of the configuration, in a fixed order."""

import math
import random
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F
from yacs.config import CfgNode

from dassl.data.transforms.autoaugment import CIFAR10Policy, ImageNetPolicy, SVHNPolicy
from dassl.data.transforms.randaugment import RandAugment, RandAugment2, RandAugmentFixMatch
from dassl.elsewhere import names_of
from dassl.utils.checks import NotAllowed, in_range, one_of
from dassl.utils.reader import middle

__getattr__ = names_of(__name__)

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
    """Resize; with probability `p` to 9/8 of the size, of which a random window is cut."""

    def __init__(
        self,
        height: int,
        width: int,
        p: float = 0.5,
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
    ):
        self.height, self.width, self.p, self.interpolation = height, width, p, interpolation

    def __call__(self, img: Image.Image) -> Image.Image:
        if random.uniform(0, 1) > self.p:
            return F.resize(img, [self.height, self.width], self.interpolation)
        height, width = round(self.height * 1.125), round(self.width * 1.125)
        larger = F.resize(img, [height, width], self.interpolation)
        left = round(random.uniform(0, width - self.width))
        top = round(random.uniform(0, height - self.height))
        return F.crop(larger, top, left, self.height, self.width)


class Cutout:
    """Set `n_holes` random squares of a tensor (C, H, W) to zero."""

    def __init__(self, n_holes: int = 1, length: int = 16):
        self.n_holes, self.length = n_holes, length

    def __call__(self, img: Tensor) -> Tensor:
        img, half = img.clone(), self.length // 2
        for _ in range(self.n_holes):
            y, x = (np.random.randint(limit) for limit in img.shape[1:])
            img[:, max(y - half, 0) : y + half, max(x - half, 0) : x + half] = 0
        return img


class GaussianNoise:
    """Add normal noise to a tensor, with probability `p`."""

    def __init__(self, mean: float = 0, std: float = 0.15, p: float = 0.5):
        self.mean, self.std, self.p = mean, std, p

    def __call__(self, img: Tensor) -> Tensor:
        if random.uniform(0, 1) > self.p:
            return img
        return img + (torch.randn(img.shape) * self.std + self.mean)


class InstanceNormalization:
    """Zero mean and unit variance for each channel of a tensor (C, H, W)."""

    def __init__(self, eps: float = 1e-8):
        self.eps = eps

    def __call__(self, img: Tensor) -> Tensor:
        values = img.flatten(1)
        mean, std = values.mean(1)[:, None, None], values.std(1)[:, None, None]
        return (img - mean) / (std + self.eps)


def _crops(cfg: CfgNode) -> dict[str, Callable]:
    """Choices whose result has INPUT.SIZE, so that no resize is needed."""
    size, mode = tuple(cfg.INPUT.SIZE), INTERPOLATION_MODES[cfg.INPUT.INTERPOLATION]
    return {
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
    def times() -> int:
        return _number(cfg, "RANDAUGMENT_N", 100)

    return {
        "random_flip": T.RandomHorizontalFlip,
        "imagenet_policy": ImageNetPolicy,
        "cifar10_policy": CIFAR10Policy,
        "svhn_policy": SVHNPolicy,
        "randaugment": lambda: RandAugment(times(), _number(cfg, "RANDAUGMENT_M", 30)),
        "randaugment_fixmatch": lambda: RandAugmentFixMatch(times()),
        "randaugment2": lambda: RandAugment2(times()),
        "colorjitter": lambda: _jitter(cfg),
        "randomgrayscale": lambda: T.RandomGrayscale(p=_number(cfg, "RGS_P", 1)),
        "gaussian_blur": lambda: _blur(cfg),
    }


def _on_tensors(cfg: CfgNode, normalize: Callable | None) -> dict[str, Callable]:
    return {
        "cutout": lambda: Cutout(
            _number(cfg, "CUTOUT_N", 1000), _number(cfg, "CUTOUT_LEN", math.inf)
        ),
        "normalize": lambda: normalize,
        "gaussian_noise": lambda: GaussianNoise(
            cfg.INPUT.GN_MEAN, _number(cfg, "GN_STD", math.inf)
        ),
        "instance_norm": InstanceNormalization,
    }


LINES = {  # printed for each step, with the keys of INPUT
    "random_translation": "random translation",
    "random_crop": "random crop (padding = {CROP_PADDING})",
    "random_resized_crop": "random resized crop (size={SIZE}, scale={RRCROP_SCALE})",
    "random_flip": "random flip",
    "imagenet_policy": "imagenet policy",
    "cifar10_policy": "cifar10 policy",
    "svhn_policy": "svhn policy",
    "randaugment": "randaugment (n={RANDAUGMENT_N}, m={RANDAUGMENT_M})",
    "randaugment_fixmatch": "randaugment_fixmatch (n={RANDAUGMENT_N})",
    "randaugment2": "randaugment2 (n={RANDAUGMENT_N})",
    "colorjitter": "color jitter (brightness={COLORJITTER_B}, contrast={COLORJITTER_C}, "
    "saturation={COLORJITTER_S}, hue={COLORJITTER_H})",
    "randomgrayscale": "random gray scale",
    "gaussian_blur": "gaussian blur (kernel={GB_K})",
    "cutout": "cutout (n_holes={CUTOUT_N}, length={CUTOUT_LEN})",
    "normalize": "normalization (mean={PIXEL_MEAN}, std={PIXEL_STD})",
    "gaussian_noise": "gaussian noise (mean={GN_MEAN}, std={GN_STD})",
    "instance_norm": "instance normalization",
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
        NotAllowed: an unknown choice.
        ValueError: an unknown interpolation, or a value that a choice does not take.
    """
    if cfg.INPUT.NO_TRANSFORM:
        print("Note: no transform is applied!")
        return None
    choices = list(cfg.INPUT.TRANSFORMS if choices is None else choices)
    for choice in choices:
        if choice not in AVAI_CHOICES:
            raise NotAllowed(
                f"INPUT.TRANSFORMS has {choice!r}; choose from {', '.join(AVAI_CHOICES)}"
            )
    one_of("INPUT.INTERPOLATION", cfg.INPUT.INTERPOLATION, INTERPOLATION_MODES)
    build = _build_transform_train if is_train else _build_transform_test
    normalize = normalisation(cfg) if "normalize" in choices else None
    return build(cfg, choices, "x".join(map(str, cfg.INPUT.SIZE)), normalize)


def _build_transform_train(
    cfg: CfgNode, choices: Sequence[str], target_size: str, normalize: Callable | None
) -> T.Compose:
    print("Building transform_train")
    size, mode = tuple(cfg.INPUT.SIZE), INTERPOLATION_MODES[cfg.INPUT.INTERPOLATION]
    crops, steps = _crops(cfg), []
    if not any(name in choices for name in crops):
        steps.append(_said(f"resize to {target_size}", T.Resize(size, mode)))
    translation = {"random_translation": lambda: Random2DTranslation(*size)}
    steps += _chosen(cfg, translation | crops | _on_images(cfg), choices)
    steps.append(_to_tensor())
    return T.Compose(steps + _chosen(cfg, _on_tensors(cfg, normalize), choices))


def _build_transform_test(
    cfg: CfgNode, choices: Sequence[str], target_size: str, normalize: Callable | None
) -> T.Compose:
    print("Building transform_test")
    size, mode = tuple(cfg.INPUT.SIZE), INTERPOLATION_MODES[cfg.INPUT.INTERPOLATION]
    steps = [
        _said(f"resize the smaller edge to {max(size)}", Resize(max(size), mode)),
        _said(f"{target_size} center crop", T.CenterCrop(size)),
        *_corruptions(cfg),
        _to_tensor(),
    ]
    also = {"normalize", "instance_norm"} & set(choices)
    return T.Compose(steps + _chosen(cfg, _on_tensors(cfg, normalize), also))


def _corruptions(cfg: CfgNode) -> list[Callable]:
    """That of TEST.CORRUPTION, if one is set."""
    if not (kind := cfg.TEST.CORRUPTION):
        return []
    from dassl.data.transforms.corruptions import Corrupt  # imports scipy.ndimage

    severity = cfg.TEST.SEVERITY
    return [_said(f"{kind}, severity {severity}", Corrupt(kind, severity))]


def _to_tensor() -> Callable:
    return _said("to torch tensor of range [0, 1]", T.ToTensor())


def _chosen(
    cfg: CfgNode, builders: dict[str, Callable], choices: Collection[str]
) -> list[Callable]:
    chosen = {name: build for name, build in builders.items() if name in choices}
    return [_said(LINES[name].format(**cfg.INPUT), build()) for name, build in chosen.items()]


def _said(line: str, step: Callable) -> Callable:
    print(f"+ {line}")
    return step
