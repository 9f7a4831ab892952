"""The cross-entropy of a training, with smoothed labels and weighted classes where they are set.

L = -sum_i sum_c w_c t_ic log p_ic / sum_i w_{y_i},   t_i = (1 - eps) onehot(y_i) + eps / C

as torch.nn.functional.cross_entropy has it. Balanced weights are w_c = N / (C n_c), for n_c of the
N training images: rare classes count as much as frequent ones.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from yacs.config import CfgNode

CLASS_WEIGHTS = ("none", "balanced")


def cross_entropy(
    settings: CfgNode, dataset: Any, device: torch.device
) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of logits (B, C) and labels (B,), a scalar.

    Args:
        settings: TRAIN of the configuration.
        dataset: with its training images, `train_x`, and `classnames`.

    Raises:
        ValueError: LABEL_SMOOTHING is not within 0 and 1, or CLASS_WEIGHTS is unknown.
    """
    smoothing, weights = settings.LABEL_SMOOTHING, settings.CLASS_WEIGHTS
    if not 0 <= smoothing < 1:
        raise ValueError(f"TRAIN.LABEL_SMOOTHING is {smoothing}; it is at least 0 and below 1")
    if weights not in CLASS_WEIGHTS:
        raise ValueError(
            f"TRAIN.CLASS_WEIGHTS is {weights!r}; choose one of {', '.join(CLASS_WEIGHTS)}"
        )
    weight = None
    if weights == "balanced":
        labels, classes = [item.label for item in dataset.train_x], len(dataset.classnames)
        counts = torch.bincount(torch.tensor(labels), minlength=classes)
        weight = (len(labels) / (classes * counts)).to(device)
    return partial(F.cross_entropy, weight=weight, label_smoothing=smoothing)
