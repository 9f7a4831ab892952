"""A frozen CLIP that encodes a batch once for all classifiers with the same vectors."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from promptsrc.clip import towers
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.text import Texts
from promptsrc.clip.vectors import NO_VECTORS, Vectors


class EncodedOnce(FrozenCLIP):
    """Asks another frozen CLIP, and gives out what it has answered last where that is the same.

    That is the case for the same tensor of images, and vectors with equal values.
    """

    def __init__(self, frozen: FrozenCLIP):
        super().__init__(frozen.clip, frozen.precision, frozen.texts_at_once, frozen.forward)
        self.frozen = frozen
        self._images: Tensor | None = None
        self._answers: list[tuple[Vectors, Any, Tensor]] = []  # vectors, what is read, the answer

    def encode_text(self, texts: Texts, prompts: Vectors = NO_VECTORS) -> Tensor:
        return self.frozen.encode_text(texts, prompts)

    def text_tokens(self, texts: Texts, prompts: Vectors, positions: Tensor) -> Tensor:
        return self.frozen.text_tokens(texts, prompts, positions)

    def encode_image(self, images: Tensor, prompts: Vectors = NO_VECTORS) -> Tensor:
        return self._once(images, prompts, None, self.frozen.encode_image)

    def image_tokens(self, images: Tensor, prompts: Vectors, read: towers.Positions) -> Tensor:
        def tokens(images: Tensor, prompts: Vectors) -> Tensor:
            return self.frozen.image_tokens(images, prompts, read)

        return self._once(images, prompts, read, tokens)

    def _once(
        self, images: Tensor, prompts: Vectors, read: Any, encode: Callable[..., Tensor]
    ) -> Tensor:
        if images is not self._images:
            self._images, self._answers = images, []
        for vectors, known, answer in self._answers:
            if known == read and _equal(vectors, prompts):
                return answer
        answer = encode(images, prompts)
        self._answers.append((prompts, read, answer))
        return answer


def _equal(this: Any, that: Any) -> bool:
    """Whether vectors, or entries of theirs, have the same form and the same values."""
    if type(this) is not type(that):
        return False
    if isinstance(this, Tensor):
        return torch.equal(this, that)
    if isinstance(this, Mapping):
        return this.keys() == that.keys() and all(_equal(this[key], that[key]) for key in this)
    if isinstance(this, tuple):
        return len(this) == len(that) and all(map(_equal, this, that))
    return this == that
