"""Class prototypes, a linear probe that starts from CLIP's class weights (CLAP, arXiv 2312.12730,
sections 4.1 and 4.2).

g = w, learned from t on;  t: text features of the frozen CLIP, not normalised

L = L_CE + mean_c lambda_c |w_c - t_c|^2
lambda_c: the mean of CLIP's probability of c over the training samples of class c
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from promptsrc.adapters.adapter import Adapter
from promptsrc.clip.openai import CLIP


class Prototypes(Adapter):
    """`prototypes` w (C, D), learned; `base_text_features` t (C, D)."""

    per_class = ("prototypes", "base_text_features")
    base_text_features: Tensor

    def __init__(self, clip: CLIP, classnames: Sequence[str]):
        super().__init__(classnames)
        shape = len(self.classnames), clip.text_projection.shape[1]
        self.prototypes = nn.Parameter(torch.zeros(shape))
        self.register_buffer("base_text_features", torch.zeros(shape))

    @property
    def weights(self) -> Tensor:
        return self.prototypes

    def distance(self, multipliers: Tensor) -> Tensor:
        """mean_c lambda_c |w_c - t_c|^2, from lambda (C,)."""
        squared = (self.prototypes - self.base_text_features).pow(2).sum(-1)  # (C,)
        return (multipliers * squared).mean()


def class_confidences(logits: Tensor, labels: Tensor) -> Tensor:
    """lambda (C,) from zero-shot logits (M, C) of samples with labels (M,); 0 without samples."""
    probabilities = logits.softmax(-1).gather(1, labels[:, None])[:, 0]  # (M,), of the label
    zeros = probabilities.new_zeros(logits.shape[1])
    count = zeros.index_add(0, labels, torch.ones_like(probabilities))
    return zeros.index_add(0, labels, probabilities) / count.clamp(min=1)
