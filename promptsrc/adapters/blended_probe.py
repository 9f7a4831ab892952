"""A linear probe blended with CLIP's class weights (LP++, arXiv 2404.02285, section 3).

logits = f . W^T + b + alpha (f . T),  f of unit length, T: text features (D, C), alpha (C)

W starts at the sum of the features of each class, alpha_c at 250 m, m: the mean over the classes of
the mean f . t_c of their images. Step sizes follow from the N training images:

eta_W = 4 N / lambda_max(F^T F)     eta_alpha = N / (4 max_c sum_i (f_i . t_c)^2)
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from promptsrc.adapters.adapter import Adapter
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.openai import CLIP
from promptsrc.model import Encoded


class BlendedProbe(Adapter):
    """`weight` W (C, D), `bias` b (C), `alpha` (1, C), learned; `text_weights` T (D, C)."""

    per_class = ("weight", "bias", "alpha", "text_weights")
    class_axes = {"alpha": 1, "text_weights": 1}
    text_weights: Tensor

    def __init__(self, clip: CLIP, classnames: Sequence[str]):
        super().__init__(classnames)
        width, classes = clip.text_projection.shape[1], len(self.classnames)
        self.weight = nn.Parameter(torch.zeros(classes, width))
        self.bias = nn.Parameter(torch.empty(classes).uniform_(-(width**-0.5), width**-0.5))
        self.alpha = nn.Parameter(torch.zeros(1, classes))
        self.register_buffer("text_weights", torch.zeros(width, classes))

    @property
    def weights(self) -> Tensor:
        return self.text_weights.t()

    def encode(self, frozen: FrozenCLIP, f: Tensor, g: Tensor) -> Encoded:
        encoded = super().encode(frozen, f, g)
        probe = encoded.image @ self.weight.t() + self.bias
        return encoded._replace(logits=probe + self.alpha * (encoded.image @ self.text_weights))

    @torch.no_grad()
    def start(self, f: Tensor, labels: Tensor, scale: float) -> None:
        """W and alpha from unit features (N, D) with labels (N,)."""
        self.weight.zero_().index_add_(0, labels, f)
        count = labels.bincount(minlength=len(self.weight))
        own = (self.weight * self.weights).sum(-1) / count.clamp(min=1)  # (C,), mean f . t_c
        self.alpha.fill_(scale * own.mean())

    def step_sizes(self, f: Tensor) -> tuple[float, float]:
        """eta_W and eta_alpha for unit features (N, D)."""
        largest = torch.linalg.eigvalsh((f.t() @ f).double())[-1]
        blended = (f @ self.text_weights).pow(2).sum(0).max()
        return float(4 * len(f) / largest), float(len(f) / (4 * blended))
