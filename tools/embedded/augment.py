"""Drawings to training images, in batches: place, background, colours."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

PIXELS = 48
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)


def augment(rgba: Tensor, rng: torch.Generator) -> Tensor:
    """uint8 (B, 4, 64, 64) -> normalised (B, 3, 48, 48)."""
    b = len(rgba)
    places = _places(b, rng)
    moved = F.grid_sample(rgba.float() / 255, places, align_corners=False)  # (B, 4, 48, 48)
    colour, alpha = moved[:, :3], moved[:, 3:]
    plain = torch.rand(b, 3, 1, 1, generator=rng)
    background = torch.where(torch.rand(b, 1, 1, 1, generator=rng) < 0.5, torch.ones(1), plain)
    # grid_sample mixes in the colours of transparent pixels, so they were set to 0 before
    return (_jitter(colour * alpha + background * (1 - alpha), rng) - MEAN) / STD


def _places(b: int, rng: torch.Generator) -> Tensor:
    """Sampling grids (B, 48, 48, 2): scale, turn, shift, flip."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(b, generator=rng)

    turn, scale = uniform(-0.3, 0.3), uniform(0.65, 1.25)
    stretch = torch.exp(uniform(-0.2, 0.2))
    flip = torch.where(uniform(0, 1) < 0.5, 1.0, -1.0)
    cos, sin = torch.cos(turn), torch.sin(turn)
    theta = torch.stack(
        [
            flip * cos * scale * stretch,
            -sin * scale,
            uniform(-0.2, 0.2),
            flip * sin * scale,
            cos * scale / stretch,
            uniform(-0.2, 0.2),
        ],
        1,
    )
    return F.affine_grid(theta.view(b, 2, 3), [b, 4, PIXELS, PIXELS], align_corners=False)


def _jitter(x: Tensor, rng: torch.Generator) -> Tensor:
    """Brightness, contrast, saturation and hue; sometimes grey."""
    b = len(x)

    def around_one(width: float) -> Tensor:
        return 1 + width * (2 * torch.rand(b, 1, 1, 1, generator=rng) - 1)

    x = x * around_one(0.3)
    x = (x - x.mean((1, 2, 3), keepdim=True)) * around_one(0.3) + x.mean((1, 2, 3), keepdim=True)
    grey = x.mean(1, keepdim=True)
    keep = around_one(0.4) * (torch.rand(b, 1, 1, 1, generator=rng) > 0.1)
    x = grey + (x - grey) * keep
    return (_turn_hue(b, rng) @ x.flatten(2)).view_as(x).clamp(0, 1)


def _turn_hue(b: int, rng: torch.Generator) -> Tensor:
    """Rotations (B, 3, 3) of colours about the grey axis, by up to 20 degrees."""
    angle = (2 * torch.rand(b, 1, 1, generator=rng) - 1) * math.radians(20)
    axis = torch.full((3, 3), 1 / 3)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    return torch.cos(angle) * (torch.eye(3) - axis) + axis + torch.sin(angle) * cross


def plain(rgb: Tensor) -> Tensor:
    """Test images: uint8 (B, 3, 48, 48) -> normalised."""
    return (rgb.float() / 255 - MEAN) / STD
