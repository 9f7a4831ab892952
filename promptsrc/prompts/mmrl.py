"""Tokens of no modality, in the upper blocks of both towers (MMRL, arXiv 2503.08497).

R (n, r)                             learned; F_j(R) join block j, F_j linear, of each tower
f = unit(ln(CLS) W)                  class feature; g = unit(text)
f_r = unit(mean ln(tokens) W_r)      representation feature, W_r learned
s f.g                                logits of new classes
alpha s f.g + (1 - alpha) s f_r.g    logits of classes trained on
"""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import Texts, embed
from promptsrc.clip.tokens import readable
from promptsrc.clip.vectors import Tokens, Vectors
from promptsrc.model import PromptedCLIP, unit
from promptsrc.prompts.learner import PromptLearner, image_tower, random_vectors

MOST = 10_000  # tokens, and of a size


class RepresentationTokens(PromptLearner):
    """R, F_j and W_r, with the names of published files.

    Args:
        template: of the class texts; `{}` stands for the name.
        n, dim, layers: the shape of R, and the blocks j, from 1.

    Raises:
        ValueError: a number out of range, a block that a tower lacks, or a ResNet backbone.
    """

    aligned = "compound_rep_tokens_r2vproj", "compound_rep_tokens_r2tproj"  # F of images, texts

    def __init__(
        self,
        clip: CLIP,
        classnames: Sequence[str],
        template: str,
        alpha: float,
        n: int,
        dim: int,
        layers: Sequence[int],
    ):
        super().__init__(classnames)
        (width, blocks), text_width = image_tower(clip), clip.ln_final.weight.shape[0]
        most = min(blocks, clip.transformer.layers)
        if not layers or sorted({*layers} & {*range(1, most + 1)}) != list(layers):
            raise ValueError(f"REP_LAYERS is {layers}; list blocks from 1 to {most}, in order")
        if not (0 < n <= MOST and 0 < dim <= MOST and 0 <= alpha <= 1):
            raise ValueError(
                f"N_REP_TOKENS is {n}, REP_DIM {dim}, ALPHA {alpha}; take 1 to {MOST} for the "
                "first two, and 0 to 1"
            )
        self.template, self.alpha, self.n = template, alpha, n
        self.blocks = [layer - 1 for layer in layers]
        self.image_encoder, self.representation_learner = nn.ParameterDict(), nn.Module()
        self.add_projection(*clip.visual.proj.shape)
        self.representation_learner.compound_rep_tokens = random_vectors(n, dim)
        for name, out in zip(self.aligned, (width, text_width), strict=True):
            self.representation_learner.add_module(name, self.aligners(nn.Linear(dim, out)))

    def add_projection(self, width: int, features: int) -> None:
        self.image_encoder["proj_rep"] = width**-0.5 * torch.randn(width, features)

    def projection(self, W: Tensor) -> Tensor:
        """W_r, of W's shape."""
        return self.image_encoder["proj_rep"]

    def aligners(self, start: nn.Linear) -> nn.Module:
        """The F_j of a tower, all alike at first."""
        return Aligners(copy.deepcopy(start) for _ in self.blocks)

    def joining(self, aligned: str) -> dict[int, Tokens]:
        learner = self.representation_learner
        made = getattr(learner, aligned)(learner.compound_rep_tokens)
        return {i: Tokens(x) for i, x in zip(self.blocks, made, strict=True)}

    @property
    def image(self) -> Vectors:
        return self.joining(self.aligned[0])

    @property
    def text(self) -> Vectors:
        return self.joining(self.aligned[1])

    def texts(self, clip: CLIP) -> Texts:
        return embed(clip, [self.template.replace("{}", readable(n)) for n in self.classnames])

    def student(self, frozen: FrozenCLIP) -> "RepresentationCLIP":
        return RepresentationCLIP(frozen, self)


class Aligners(nn.ModuleList):
    def forward(self, R: Tensor) -> list[Tensor]:
        return [F(R) for F in self]


class Represented(NamedTuple):
    """Unit features f (B, D), g (C, D), and logits (B, C): of both image features, of each."""

    image: Tensor
    text: Tensor
    logits: Tensor
    class_logits: Tensor
    rep_logits: Tensor


class RepresentationCLIP(PromptedCLIP):
    """It fuses both features' logits for classes trained on."""

    prompts: RepresentationTokens

    def encode(self, images: Tensor) -> Represented:  # type: ignore[override]  # it has more
        read, W = [0, *range(-self.prompts.n, 0)], self.frozen.clip.visual.proj.float()
        tokens = self.frozen.image_tokens(images, self.prompts.image, read).float()  # (B, 1+n, W)
        f = unit(tokens[:, 0] @ W)
        f_r = unit(tokens[:, 1:].mean(1) @ self.prompts.projection(W))
        g, alpha = self.class_features(), self.prompts.alpha
        by_class, by_rep = self.frozen.logits(f, g), self.frozen.logits(f_r, g)
        return Represented(f, g, alpha * by_class + (1 - alpha) * by_rep, by_class, by_rep)

    def classify(self, images: Tensor) -> Tensor:
        found = self.encode(images)
        return found.logits if self.prompts.are_trained else found.class_logits
