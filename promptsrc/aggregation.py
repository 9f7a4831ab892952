"""Gaussian-weighted prompt aggregation, GPA (arXiv 2307.06948, section 3.2.2).

w_e ∝ exp(-(e - mean)^2 / (2 std^2)), e = 1 .. E, sum_e w_e = 1
prompts = sum_e w_e prompts_e
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def gaussian_weights(epochs: int, mean: float, std: float) -> list[float]:
    """The weight of each epoch 1..E in float64, summing to 1.

    Raises:
        ValueError: std is not positive.
    """
    if std <= 0:
        raise ValueError(f"GPA_STD is {std}; it must be above 0")
    exponent = -((np.arange(1, epochs + 1) - mean) ** 2) / (2 * std**2)
    density = np.exp(exponent - exponent.max())  # the largest is 1, so the sum can't underflow
    return (density / density.sum()).tolist()


class GaussianAggregation:
    """Sums the prompts at the end of each epoch; `apply` puts the average in their place."""

    def __init__(self, epochs: int, mean: float, std: float):
        self.weights = gaussian_weights(epochs, mean, std)
        self.epochs_seen = 0
        self.sum: dict[str, Tensor] = {}

    @property
    def complete(self) -> bool:
        return self.epochs_seen == len(self.weights)

    @property
    def counted(self) -> list[int]:
        """The epochs that weigh 1 % or more."""
        return [epoch for epoch, weight in enumerate(self.weights, 1) if weight >= 0.01]

    @torch.no_grad()
    def update(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        """Add the named parameters as they are at the end of the next epoch."""
        weight = self.weights[self.epochs_seen]
        for name, value in parameters:
            weighted = weight * value.detach()
            self.sum[name] = self.sum[name] + weighted if name in self.sum else weighted
        self.epochs_seen += 1

    @torch.no_grad()
    def apply(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        """Replace the named parameters by the aggregated ones."""
        for name, value in parameters:
            value.copy_(self.sum[name])

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self.weights, "epochs_seen": self.epochs_seen, "sum": dict(self.sum)}

    def load_state_dict(self, state: dict[str, Any], device: torch.device | str = "cpu") -> None:
        """Go on with the sum of an earlier run.

        Raises:
            ValueError: that run weighted its epochs otherwise.
        """
        if state["weights"] != self.weights:
            raise ValueError(
                f"the run to go on with averages over {len(state['weights'])} epochs, this one over {len(self.weights)}, or "
                "GPA_MEAN and GPA_STD differ; resume with its settings, or start in another --output-dir"
            )
        self.epochs_seen = state["epochs_seen"]
        self.sum = {name: value.to(device) for name, value in state["sum"].items()}
