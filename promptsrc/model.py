"""A frozen CLIP with prompts: the student that is trained, tested and used to classify."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from promptsrc.clip.frozen import FrozenCLIP

if TYPE_CHECKING:
    from promptsrc.prompts import PromptLearner


class Encoded(NamedTuple):
    """Of a batch: image (B, D) and text (C, D) features of unit length, logits (B, C).

    The raw features are those of the towers, before they are normalised. Text is (B, C, D) where
    the prompts depend on the image.
    """

    image: Tensor
    text: Tensor
    logits: Tensor
    raw_image: Tensor
    raw_text: Tensor

    @classmethod
    def of(cls, frozen: FrozenCLIP, raw_image: Tensor, raw_text: Tensor) -> "Encoded":
        """From features (B, D) and (C, D) of the towers."""
        raw_image, raw_text = raw_image.float(), raw_text.float()
        image, text = unit(raw_image), unit(raw_text)
        return cls(image, text, frozen.logits(image, text), raw_image, raw_text)


class PromptedCLIP:
    """Classifies images among a learner's classes, with its prompts in a frozen CLIP (the student).

    A learner whose prompts need another classifier overrides `PromptLearner.student`.

    Attributes:
        read: the logits of a test from what is encoded; by default those of the similarity.
    """

    classes_are_fixed = True  # class features do not depend on the image

    def __init__(self, frozen: FrozenCLIP, prompts: "PromptLearner"):
        self.frozen = frozen
        self.prompts = prompts
        self.classnames = prompts.classnames
        self.texts = prompts.texts(frozen.clip)
        self.read: Callable[[Encoded], Tensor] = attrgetter("logits")
        self._encoded_classes: Tensor | None = None

    def class_features(self) -> Tensor:
        """(C, D), unit length."""
        return unit(self.raw_class_features())

    def raw_class_features(self) -> Tensor:
        """(C, D), not normalised."""
        if self._encoded_classes is not None:
            return self._encoded_classes
        vectors = self.prompts.text
        features = self.frozen.encode_text(self.texts, vectors)
        if not vectors:  # no text prompts: encoding once is enough
            self._encoded_classes = features
        return features

    def encode(self, images: Tensor) -> Encoded:
        """Features of both towers and logits, with gradients to the prompts."""
        raw_image = self.frozen.encode_image(images, self.prompts.image)
        return Encoded.of(self.frozen, raw_image, self.raw_class_features())

    def classify(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        return self.read(self.encode(images))

    @torch.no_grad()
    def encode_classes(self) -> None:
        """Encode the classes once and for all; for prompts that no longer change."""
        if self.classes_are_fixed:
            self._encoded_classes = self.raw_class_features()

    @contextmanager
    def classes_encoded_once(self) -> Iterator[None]:
        """Inside the block prompts do not change, and the classes are encoded only once."""
        self.encode_classes()
        try:
            yield
        finally:
            self._encoded_classes = None


class ZeroShotCLIP:
    """Plain CLIP with given class features: the zero-shot classifier, and the teacher.

    Args:
        class_features: (C, D), normalised here.
    """

    def __init__(self, frozen: FrozenCLIP, class_features: Tensor):
        self.frozen = frozen
        self.raw_text, self.text = class_features.float(), unit(class_features)

    @torch.no_grad()
    def encode(self, images: Tensor, raw_image: Tensor | None = None) -> Encoded:
        """Features and logits of images (B, 3, R, R), without gradients.

        Args:
            raw_image: their features (B, D), not normalised, where they are known already.
        """
        raw_image = self.frozen.encode_image(images).float() if raw_image is None else raw_image
        image, text = unit(raw_image), self.text
        return Encoded(image, text, self.frozen.logits(image, text), raw_image, self.raw_text)

    def classify(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        return self.encode(images).logits


def unit(features: Tensor) -> Tensor:
    """Features of length 1, in float32: losses and logits do not follow the towers' precision."""
    return F.normalize(features.float(), dim=-1)
