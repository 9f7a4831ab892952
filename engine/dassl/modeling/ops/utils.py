"""Small functions of semi-supervised methods: targets, ramp-ups, weight averages."""

import math

import torch
from torch import Tensor, nn


def sharpen_prob(p: Tensor, temperature: float = 2) -> Tensor:
    """Probabilities (B, C) to the power `temperature`, each row normalised to 1 again."""
    powered = p.pow(temperature)
    return powered / powered.sum(1, keepdim=True)


def reverse_index(data: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Both in reverse order."""
    return data.flip(0), label.flip(0)


def shuffle_index(data: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the same random order."""
    order = torch.randperm(len(data))
    return data[order], label[order]


def create_onehot(label: Tensor, num_classes: int) -> Tensor:
    """Labels (B,) -> float (B, C), 1 at the label."""
    return torch.zeros(len(label), num_classes, device=label.device).scatter_(1, label[:, None], 1)


def sigmoid_rampup(current: float, rampup_length: float) -> float:
    """exp(-5 (1 - t)^2), where t goes from 0 to 1 over `rampup_length` (arXiv 1610.02242)."""
    left = 1 - linear_rampup(current, rampup_length)
    return math.exp(-5 * left * left)


def linear_rampup(current: float, rampup_length: float) -> float:
    """From 0 to 1 over `rampup_length`, and 1 after it.

    Raises:
        ValueError: `rampup_length` is not above 0.
    """
    if rampup_length <= 0:
        raise ValueError(f"rampup_length is {rampup_length}; it must be above 0")
    return min(max(current / rampup_length, 0.0), 1.0)


@torch.no_grad()
def ema_model_update(model: nn.Module, ema_model: nn.Module, alpha: float) -> None:
    """ema = alpha ema + (1 - alpha) parameter, in place; buffers are left as they are."""
    for average, parameter in zip(ema_model.parameters(), model.parameters(), strict=True):
        average.mul_(alpha).add_(parameter, alpha=1 - alpha)
