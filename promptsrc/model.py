"""A frozen CLIP with prompts: what is trained, tested and used to classify."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from promptsrc.clip import FrozenCLIP
from promptsrc.text import class_texts, embed


class Encoded(NamedTuple):
    """What one model says of one batch: image (B, D) and text (C, D) features of unit length, logits (B, C)."""

    image: Tensor
    text: Tensor
    logits: Tensor


class Prompts(Protocol):
    """What a prompt learner gives the towers."""

    prefix: str  # the words in front of a class name
    text: Sequence[Tensor]  # vectors (n, W) of text block 0, 1, ...
    image: Sequence[Tensor]  # vectors (n, W) of image block 0, 1, ...


class PromptedCLIP:
    """Classifies images among class names with a frozen CLIP and prompts (the student)."""

    def __init__(self, frozen: FrozenCLIP, prompts: Prompts, classnames: Sequence[str]):
        self.frozen = frozen
        self.prompts = prompts
        self.rows = embed(frozen.clip, class_texts(classnames, prompts.prefix))
        self._encoded_classes: Tensor | None = None

    def class_features(self) -> Tensor:
        """(C, D), unit length."""
        return unit(self.frozen.encode_text(self.rows, self.prompts.text))

    def image_features(self, images: Tensor) -> Tensor:
        """(B, 3, R, R) -> (B, D), unit length."""
        return unit(self.frozen.encode_image(images, self.prompts.image))

    def encode(self, images: Tensor) -> Encoded:
        """Features of both towers and logits, with gradients to the prompts."""
        image, text = self.image_features(images), self.class_features()
        return Encoded(image, text, self.frozen.logits(image, text))

    def classify(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        text = self.class_features() if self._encoded_classes is None else self._encoded_classes
        return self.frozen.logits(self.image_features(images), text)

    @contextmanager
    def classes_encoded_once(self) -> Iterator[None]:
        """Within, prompts do not change, and `classify` encodes the classes only once."""
        with torch.no_grad():
            self._encoded_classes = self.class_features()
        try:
            yield
        finally:
            self._encoded_classes = None


class ZeroShotCLIP:
    """Classifies with the frozen CLIP and given class features: the zero-shot classifier, PromptSRC's teacher.

    Args:
        class_features: (C, D), normalised here.
    """

    def __init__(self, frozen: FrozenCLIP, class_features: Tensor):
        self.frozen = frozen
        self.text = unit(class_features)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Encoded:
        """Features and logits of images (B, 3, R, R), without gradients."""
        image = unit(self.frozen.encode_image(images))
        return Encoded(image, self.text, self.frozen.logits(image, self.text))

    def classify(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        return self.encode(images).logits


def unit(features: Tensor) -> Tensor:
    """Features of length 1, in float32: head and losses do not follow the towers' precision."""
    return F.normalize(features.float(), dim=-1)
