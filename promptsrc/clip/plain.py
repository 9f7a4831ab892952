"""PromptSRC the plain way: what is to be beaten, and the oracle for equality.

Every class is run over all 77 positions, through CLIP's own blocks (`nn.MultiheadAttention`), anew whenever class features are
asked for; student and teacher each run a whole model. `Student` and `Teacher` stand where `promptsrc.model` has `PromptedCLIP`
and `ZeroShotCLIP`.

Shapes: C classes, B images, L positions, W tower width, n vectors a layer, D embedding size.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import readable, tokenize
from promptsrc.model import Encoded, unit
from promptsrc.prompts import PromptLearner


class Student:
    """A CLIP with prompts. Give it weights of its own: the textbook shares nothing with the teacher."""

    def __init__(self, frozen: FrozenCLIP, prompts: PromptLearner, classnames: Sequence[str]):
        self.frozen = frozen
        self.prompts = prompts
        self.rows = prompts.rows(frozen.clip, classnames)

    def class_features(self) -> Tensor:
        """(C, D), unit length."""
        with self.frozen.precision.autocast():
            return unit(encode_text(self.frozen.clip, self.rows.tokens, self.prompts.text))

    def image_features(self, images: Tensor) -> Tensor:
        """(B, 3, R, R) -> (B, D), unit length."""
        with self.frozen.precision.autocast():
            return unit(encode_image(self.frozen.clip, images, self.prompts.image))

    def encode(self, images: Tensor) -> Encoded:
        image, text = self.image_features(images), self.class_features()
        return Encoded(image, text, self.frozen.logits(image, text))

    def classify(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        return self.encode(images).logits


class Teacher:
    """CLIP as it is, with class features (C, D) of `teacher_features`."""

    def __init__(self, frozen: FrozenCLIP, class_features: Tensor):
        self.frozen = frozen
        self.text = unit(class_features)

    @torch.no_grad()
    def encode(self, images: Tensor, features: Tensor | None = None) -> Encoded:
        with self.frozen.precision.autocast():
            image = unit(self.frozen.clip.encode_image(images))
        return Encoded(image, self.text, self.frozen.logits(image, self.text))


@torch.no_grad()
def teacher_features(clip: CLIP, classnames: Sequence[str], templates: Sequence[str]) -> Tensor:
    """Mean over templates (C, D) of features that are not normalised, a template at a time."""
    total = 0
    for template in templates:
        tokens = tokenize([template.replace("{}", readable(name)) for name in classnames])
        total = total + clip.encode_text(tokens.to(clip.positional_embedding.device))
    return total / len(templates)


def encode_text(clip: CLIP, tokens: Tensor, prompts: Sequence[Tensor]) -> Tensor:
    """(C, 77) -> (C, D): positions 1..n are the vectors of block 0, 1, ... on entry to it."""
    x = clip.token_embedding(tokens).to(clip.dtype)  # (C, 77, W)
    x = _put_behind_sos(x, prompts[0]) + clip.positional_embedding.to(clip.dtype)
    for i, block in enumerate(clip.transformer.resblocks):
        if 0 < i < len(prompts):
            x = _put_behind_sos(x, prompts[i])
        x = block(x.transpose(0, 1)).transpose(0, 1)  # CLIP's blocks have the position first
    x = clip.ln_final(x)
    return x[torch.arange(len(x), device=x.device), tokens.argmax(-1)] @ clip.text_projection


def encode_image(clip: CLIP, images: Tensor, prompts: Sequence[Tensor]) -> Tensor:
    """(B, 3, R, R) -> (B, D): the last positions are the vectors of block 0, 1, ... on entry to it."""
    visual = clip.visual
    if not prompts:
        return visual(images.to(clip.dtype))
    x = visual.conv1(images.to(clip.dtype)).flatten(2).transpose(1, 2)  # (B, L-1, W)
    cls = visual.class_embedding.to(x.dtype).expand(len(x), 1, -1)
    x = torch.cat([cls, x], 1) + visual.positional_embedding.to(x.dtype)
    x = visual.ln_pre(_append(x, prompts[0]))  # (B, L+n, W)
    for i, block in enumerate(visual.transformer.resblocks):
        if 0 < i < len(prompts):
            x = _append(x[:, : -len(prompts[i])], prompts[i])
        x = block(x.transpose(0, 1)).transpose(0, 1)
    return visual.ln_post(x[:, 0]) @ visual.proj


def _put_behind_sos(x: Tensor, vectors: Tensor) -> Tensor:
    return torch.cat(
        [x[:, :1], vectors.to(x.dtype).expand(len(x), -1, -1), x[:, 1 + len(vectors) :]], 1
    )


def _append(x: Tensor, vectors: Tensor) -> Tensor:
    return torch.cat([x, vectors.to(x.dtype).expand(len(x), -1, -1)], 1)
