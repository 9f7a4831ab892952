"""Pictures to training images, in batches: place, background, colours, light, sharpness.

Drawings are moved towards photographs, and photographs towards grey and coarse ones.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

PIXELS = 48
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
COARSE = (10, 14, 20, 28)  # pixels that some images keep of 48
BACKGROUNDS = torch.tensor([0.3, 0.15, 0.2, 0.2, 0.15])  # white, black, plain, clouds, a picture


def augment(rgba: Tensor, mono: Tensor, written: Tensor, rng: torch.Generator) -> Tensor:
    """uint8 (B, 4, 64, 64) -> normalised (B, 3, 48, 48).

    Args:
        mono: (B,), whether a picture has one colour, which is then drawn at random.
        written: (B,), whether it is a digit or a letter, which is not mirrored.
    """
    b = len(rgba)
    moved = F.grid_sample(rgba.float() / 255, _places(written, rng), align_corners=False)
    colour, alpha = moved[:, :3], moved[:, 3:]  # (B, 3, 48, 48), (B, 1, 48, 48)
    ink = _ink(b, rng)
    # grid_sample mixes in the colours of transparent pixels, so they were set to 0 before
    drawn = torch.where(mono.view(b, 1, 1, 1), ink, colour) * alpha
    background = _contrasting(_backgrounds(rgba, rng), ink, mono)
    x = _jitter(drawn + background * (1 - alpha), rng)
    return (_coarse(_lit(_inverted(x, rng), rng), rng).clamp(0, 1) - MEAN) / STD


def _uniform(low: float, high: float, b: int, rng: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(b, generator=rng)


def _places(written: Tensor, rng: torch.Generator) -> Tensor:
    """Sampling grids (B, 48, 48, 2): scale, turn, shift, flip."""
    b = len(written)
    turn, scale = _uniform(-0.3, 0.3, b, rng), _uniform(0.6, 1.3, b, rng)
    stretch = torch.exp(_uniform(-0.2, 0.2, b, rng))
    flip = torch.where((_uniform(0, 1, b, rng) < 0.5) | written, 1.0, -1.0)
    cos, sin = torch.cos(turn), torch.sin(turn)
    theta = torch.stack(
        [
            flip * cos * scale * stretch,
            -sin * scale,
            _uniform(-0.2, 0.2, b, rng),
            flip * sin * scale,
            cos * scale / stretch,
            _uniform(-0.2, 0.2, b, rng),
        ],
        1,
    )
    return F.affine_grid(theta.view(b, 2, 3), [b, 4, PIXELS, PIXELS], align_corners=False)


def _ink(b: int, rng: torch.Generator) -> Tensor:
    """Colours (B, 3, 1, 1): black, white, or any."""
    kind = torch.rand(b, 1, 1, 1, generator=rng)
    any_colour = torch.rand(b, 3, 1, 1, generator=rng)
    return torch.where(kind < 0.4, 0.0, torch.where(kind < 0.7, 1.0, any_colour))


def _backgrounds(rgba: Tensor, rng: torch.Generator) -> Tensor:
    """(B, 3, 48, 48) of the five kinds; a picture is one of the batch, blurred."""
    b = len(rgba)
    kind = torch.multinomial(BACKGROUNDS, b, replacement=True, generator=rng).view(b, 1, 1, 1)
    plain_ = torch.rand(b, 3, 1, 1, generator=rng).expand(b, 3, PIXELS, PIXELS)
    clouds = torch.rand(b, 3, 6, 6, generator=rng)
    size = (PIXELS, PIXELS)
    clouds = F.interpolate(clouds, size, mode="bilinear", align_corners=False)
    other = F.avg_pool2d(rgba[:, :3].float() / 255, 8).roll(1, 0)
    other = F.interpolate(other, size, mode="bilinear", align_corners=False)
    x = torch.where(kind == 0, 1.0, torch.where(kind == 1, 0.0, plain_))
    return torch.where(kind == 3, clouds, torch.where(kind == 4, other, x))


def _contrasting(background: Tensor, ink: Tensor, mono: Tensor) -> Tensor:
    """Plain black or white where a picture of one colour would not be seen."""
    dark = ink.mean(1, keepdim=True) < 0.5
    near = (background.mean((1, 2, 3)) - ink.mean((1, 2, 3))).abs() < 0.35
    return torch.where((near & mono).view(-1, 1, 1, 1), dark.float(), background)


def _jitter(x: Tensor, rng: torch.Generator) -> Tensor:
    """Brightness, contrast, saturation and hue; a fifth of them grey."""
    b = len(x)

    def around_one(width: float) -> Tensor:
        return 1 + width * (2 * torch.rand(b, 1, 1, 1, generator=rng) - 1)

    x = x * around_one(0.3)
    x = (x - x.mean((1, 2, 3), keepdim=True)) * around_one(0.3) + x.mean((1, 2, 3), keepdim=True)
    grey = x.mean(1, keepdim=True)
    keep = around_one(0.4) * (torch.rand(b, 1, 1, 1, generator=rng) > 0.2)
    x = grey + (x - grey) * keep
    return (_turn_hue(b, rng) @ x.flatten(2)).view_as(x).clamp(0, 1)


def _turn_hue(b: int, rng: torch.Generator) -> Tensor:
    """Rotations (B, 3, 3) of colours about the grey axis, by up to 20 degrees."""
    angle = (2 * torch.rand(b, 1, 1, generator=rng) - 1) * math.radians(20)
    axis = torch.full((3, 3), 1 / 3)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    return torch.cos(angle) * (torch.eye(3) - axis) + axis + torch.sin(angle) * cross


def _inverted(x: Tensor, rng: torch.Generator) -> Tensor:
    """One in twelve as a negative."""
    chosen = torch.rand(len(x), 1, 1, 1, generator=rng) < 1 / 12
    return torch.where(chosen, 1 - x, x)


def _lit(x: Tensor, rng: torch.Generator) -> Tensor:
    """Brighter on one side."""
    b = len(x)
    line = torch.linspace(-1, 1, PIXELS)
    angle = _uniform(0, 2 * math.pi, b, rng).view(b, 1, 1, 1)
    slope = line.view(1, 1, 1, -1) * torch.cos(angle) + line.view(1, 1, -1, 1) * torch.sin(angle)
    return x * (1 + _uniform(0, 0.3, b, rng).view(b, 1, 1, 1) * slope)


def _coarse(x: Tensor, rng: torch.Generator) -> Tensor:
    """A third of them with fewer pixels, and all of them with some noise."""
    x = x + 0.03 * torch.rand(len(x), 1, 1, 1, generator=rng) * torch.randn(x.shape, generator=rng)
    which = torch.randint(3 * len(COARSE), (len(x),), generator=rng)
    for k, pixels in enumerate(COARSE):
        chosen = which == k
        few = F.interpolate(x[chosen], (pixels, pixels), mode="area")
        x[chosen] = F.interpolate(few, (PIXELS, PIXELS), mode="bicubic", align_corners=False)
    return x


def plain(rgb: Tensor) -> Tensor:
    """Test images: uint8 (B, 3, 48, 48) -> normalised."""
    return (rgb.float() / 255 - MEAN) / STD
