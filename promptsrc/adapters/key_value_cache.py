"""A cache of the training images beside zero-shot CLIP (Tip-Adapter, arXiv 2207.09519, section 3).

k  keys (D, N), unit image features of the training     V  their labels, one-hot (N, C)
alpha  weight of the cache                              beta  its sharpness

logits = exp(logit_scale) f . g^T + alpha exp(-beta (1 - f . k)) V;  f, g of unit length
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from promptsrc.adapters.adapter import Adapter
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.openai import CLIP
from promptsrc.model import Encoded


class KeyValueCache(Adapter):
    """`cache_keys` k, learned or not; `cache_values` V, `text_weights` g^T, `alpha`, `beta`.

    Args:
        images: N.
    """

    per_class = ("cache_values", "text_weights")
    class_axes = {"cache_values": 1, "text_weights": 1}
    cache_values: Tensor
    text_weights: Tensor
    alpha: Tensor
    beta: Tensor

    def __init__(self, clip: CLIP, classnames: Sequence[str], images: int):
        super().__init__(classnames)
        width, classes = clip.text_projection.shape[1], len(self.classnames)
        self.cache_keys = nn.Parameter(torch.zeros(width, images))
        self.register_buffer("cache_values", torch.zeros(images, classes))
        self.register_buffer("text_weights", torch.zeros(width, classes))
        self.register_buffer("alpha", torch.ones(()))
        self.register_buffer("beta", torch.ones(()))

    @property
    def weights(self) -> Tensor:
        return self.text_weights.t()

    def encode(self, frozen: FrozenCLIP, f: Tensor, g: Tensor) -> Encoded:
        zero_shot = super().encode(frozen, f, g)
        cached = self.alpha * self.affinity(zero_shot.image, self.beta)
        return zero_shot._replace(logits=zero_shot.logits + cached)

    def affinity(self, f: Tensor, beta: Tensor | float) -> Tensor:
        """What the cache says of unit features (B, D): exp(-beta (1 - f . k)) V (B, C)."""
        return torch.exp(-beta * (1 - f @ self.cache_keys)) @ self.cache_values

    def match_classes(
        self, state: dict[str, Tensor], trained_on: list[str] | None, source: str | Path
    ) -> dict[str, Tensor]:
        """Also makes room for as many keys as the training had images."""
        state = super().match_classes(state, trained_on, source)
        images, *_ = (*state.get("cache_values", self.cache_values).shape, 0)
        self.cache_keys = nn.Parameter(self.cache_keys.new_zeros(len(self.cache_keys), images))
        self.cache_values = self.cache_values.new_zeros(images, len(self.classnames))
        return state
