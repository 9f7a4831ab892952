"""Methods that leave both towers alone and learn on the features that they give.

f  image features of the frozen CLIP (B, D)     g  class weights (C, D), both of any length

logits = exp(logit_scale) unit(f) . unit(g)^T
"""

import torch
from torch import Tensor

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.model import Encoded, PromptedCLIP
from promptsrc.prompts.learner import PromptLearner


class Adapter(PromptLearner):
    """Overrides `weights` (g), `encode` (the logits), or both.

    What is learned for each class is built as zeros of the right shape. A trainer sets it from
    texts and images, a checkpoint holds it.
    """

    @property
    def weights(self) -> Tensor | None:
        """Class weights (C, D); None: the text features of `texts`."""
        return None

    def encode(self, frozen: FrozenCLIP, f: Tensor, g: Tensor) -> Encoded:
        """Features and logits from f (B, D) and g (C, D)."""
        return Encoded.of(frozen, f, g)

    def student(self, frozen: FrozenCLIP) -> "AdaptedCLIP":
        return AdaptedCLIP(frozen, self)


class AdaptedCLIP(PromptedCLIP):
    """A frozen CLIP with an adapter on its features."""

    prompts: Adapter

    def raw_class_features(self) -> Tensor:
        weights = self.prompts.weights
        return super().raw_class_features() if weights is None else weights

    @torch.no_grad()
    def raw_features(self, images: Tensor) -> Tensor:
        """(B, 3, R, R) -> (B, D), float32, not normalised."""
        return self.frozen.encode_image(images).float()

    def encode(self, images: Tensor) -> Encoded:
        return self.encode_features(self.raw_features(images))

    def encode_features(self, f: Tensor) -> Encoded:
        """The same from f (B, D), as `raw_features` gives them."""
        return self.prompts.encode(self.frozen, f, self.raw_class_features())
