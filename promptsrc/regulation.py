"""Self-regulating prompts: section 3.2 of the paper (arXiv 2307.06948), in its symbols.

P         prompts                          t = 1 .. E, epochs
f_p, g_p  image and text features of the prompted CLIP, unit length
f, g      the same of the frozen CLIP      q_p, q  the softmax of their logits

L = L_CE + lambda_1 |f_p - f| + lambda_2 |g_p - g| + KL(q || q_p)        3.2.1
P_GPA = sum_t w_t P_t,  w_t ~ N(t; mu, sigma^2),  sum_t w_t = 1          3.2.2
g = mean over N templates of the text features                          3.2.3
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from promptsrc.clip.openai import CLIP
from promptsrc.clip.zeroshot import template_features
from promptsrc.model import Encoded, ZeroShotCLIP
from promptsrc.templates import TEACHER

Named = Iterable[tuple[str, Tensor]]


def consistency_losses(
    student: Encoded, teacher: Encoded, *, lambda_1: float, lambda_2: float
) -> dict[str, Tensor]:
    """3.2.1, mutual agreement: the terms of L after L_CE, weighted scalars.

    Norms and divergence are means over *all* elements: the paper leaves it open, its weights
    (lambda_1 = 10, lambda_2 = 25) are for this.
    """
    f_p, g_p, logits_p = student[:3]
    f, g, logits = teacher[:3]
    return {
        "loss_scl_text": lambda_2 * (g_p - g).abs().mean(),
        "loss_scl_image": lambda_1 * (f_p - f).abs().mean(),
        "loss_scl_logits": kl_divergence(logits_p, logits),
    }


def kl_divergence(logits_p: Tensor, logits: Tensor) -> Tensor:
    """sum q (log q - log q_p) / (B C), from the logits (B, C) of student and teacher."""
    log_q_p, log_q = F.log_softmax(logits_p, -1), F.log_softmax(logits, -1)
    return F.kl_div(log_q_p, log_q, reduction="sum", log_target=True) / logits.numel()


def gaussian_weights(E: int, mu: float, sigma: float) -> list[float]:
    """3.2.2: w_t of the epochs t = 1 .. E, in float64.

    Raises:
        ValueError: sigma is not above 0, or they are beyond what epochs need.
    """
    if not sigma > 0:
        raise ValueError(f"GPA_STD is {sigma}; it must be above 0")
    if not (1e-6 <= sigma <= 1e6 and abs(mu) <= 1e6):
        raise ValueError(f"GPA_MEAN is {mu} and GPA_STD {sigma}; give epochs, at most 1000000")
    exponent = -((np.arange(1, E + 1) - mu) ** 2) / (2 * sigma**2)
    w = np.exp(exponent - exponent.max())  # the largest is 1, so the sum cannot underflow
    return (w / w.sum()).tolist()


class GaussianAggregation:
    """3.2.2, prompt aggregation: sums w_t P_t over the epochs; `apply` replaces P by P_GPA."""

    def __init__(self, E: int, mu: float, sigma: float):
        self.weights = gaussian_weights(E, mu, sigma)
        self.epochs_seen = 0
        self.sum: dict[str, Tensor] = {}

    @property
    def complete(self) -> bool:
        return self.epochs_seen == len(self.weights)

    @torch.no_grad()
    def update(self, P: Named) -> None:
        """Add w_t P_t at the end of epoch t."""
        w = self.weights[self.epochs_seen]
        for name, value in P:
            weighted = w * value.detach()
            self.sum[name] = self.sum[name] + weighted if name in self.sum else weighted
        self.epochs_seen += 1

    @torch.no_grad()
    def apply(self, P: Named) -> None:
        for name, value in P:
            value.copy_(self.sum[name])

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self.weights, "epochs_seen": self.epochs_seen, "sum": dict(self.sum)}

    def load_state_dict(self, state: dict[str, Any], device: torch.device | str = "cpu") -> None:
        """Continue the sum of an earlier run.

        Raises:
            ValueError: that run weighted its epochs differently.
        """
        if state["weights"] != self.weights:
            raise ValueError(
                f"the run to resume averages over {len(state['weights'])} epochs, this one over "
                f"{len(self.weights)}, or GPA_MEAN and GPA_STD differ; resume with its settings, "
                "or use another --output-dir"
            )
        self.epochs_seen = state["epochs_seen"]
        self.sum = {name: value.to(device) for name, value in state["sum"].items()}


def diverse_features(
    clip: CLIP, classnames: Sequence[str], templates: Sequence[str] = TEACHER
) -> Tensor:
    """3.2.3, textual diversity: g (C, D), the mean of features that are *not* normalised."""
    features = (template_features(clip, classnames, t) for t in templates)
    return reduce(torch.add, features) / len(templates)


@dataclass
class SelfRegulation:
    """The three together, for the prompts of any learner.

    teacher: the frozen CLIP with the class features g of `diverse_features`.
    """

    teacher: ZeroShotCLIP
    aggregation: GaussianAggregation
    lambda_1: float = field(default=10.0, kw_only=True)
    lambda_2: float = field(default=25.0, kw_only=True)

    def losses(self, student: Encoded, images: Tensor) -> dict[str, Tensor]:
        """The consistency losses of images (B, 3, R, R).

        Without image prompts, and so without a gradient, f_p is f, which is not computed twice.
        """
        same = torch.is_grad_enabled() and not student.image.requires_grad
        f = student.raw_image if same else None
        teacher = self.teacher.encode(images, f)
        return consistency_losses(student, teacher, lambda_1=self.lambda_1, lambda_2=self.lambda_2)

    def end_epoch(self, prompts: nn.Module) -> None:
        """Aggregate the prompts of this epoch; after the last, P_GPA replaces them."""
        self.aggregation.update(prompts.named_parameters())
        if self.aggregation.complete:
            self.aggregation.apply(prompts.named_parameters())
