"""A context that depends on the image (CoCoOp, arXiv 2203.05557, section 3.2).

v_m(x) = v_m + pi, pi = meta_net(f), f: the image's feature, unit length
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.openai import CLIP
from promptsrc.clip.tokens import readable
from promptsrc.clip.vectors import Vectors
from promptsrc.model import Encoded, PromptedCLIP, unit
from promptsrc.prompts.learner import (
    PromptLearner,
    context_of_words,
    placeholders,
    random_vectors,
)

BOTTLENECK = 16  # the meta net's hidden layer is that many times narrower than the feature


class ConditionalPrompts(PromptLearner):
    """A context `ctx` (n, W), and `meta_net`, which shifts it for each image.

    Args:
        n: vectors; with `ctx_init` as many as it has words.
        ctx_init: words that the context starts from.

    Raises:
        ValueError: no vectors, or a word that is not one token.
    """

    def __init__(self, clip: CLIP, classnames: Sequence[str], n: int, ctx_init: str = ""):
        super().__init__(classnames)
        if n < 1 and not ctx_init:
            raise ValueError(f"N_CTX is {n}; it must be at least 1")
        width, features = clip.text_projection.shape
        self.prefix = readable(ctx_init) if ctx_init else placeholders(clip, n)
        self.ctx = context_of_words(clip, ctx_init) if ctx_init else random_vectors(n, width)
        hidden = features // BOTTLENECK
        layers = {
            "linear1": nn.Linear(features, hidden),
            "relu": nn.ReLU(),
            "linear2": nn.Linear(hidden, width),
        }
        self.meta_net = nn.Sequential(OrderedDict(layers))

    @property
    def text(self) -> Vectors:
        """The context before it is shifted."""
        return {0: self.ctx}

    def contexts(self, image: Tensor) -> Tensor:
        """One context per image: features (B, D) of unit length -> (B, n, W)."""
        return self.ctx + self.meta_net(image)[:, None]

    def student(self, frozen: FrozenCLIP) -> "ConditionalCLIP":
        return ConditionalCLIP(frozen, self)


class ConditionalCLIP(PromptedCLIP):
    """Each image has class features of its own: B x C texts per batch."""

    prompts: ConditionalPrompts
    classes_are_fixed = False

    def encode(self, images: Tensor) -> Encoded:
        raw_image = self.frozen.encode_image(images, self.prompts.image).float()
        image = unit(raw_image)  # (B, D)
        contexts = self.prompts.contexts(image)
        texts = [self.frozen.encode_text(self.texts, {0: context}).float() for context in contexts]
        raw_text = torch.stack(texts)  # (B, C, D)
        text = unit(raw_text)
        logits = [self.frozen.logits(*pair) for pair in zip(image, text, strict=True)]
        return Encoded(image, text, torch.stack(logits), raw_image, raw_text)
