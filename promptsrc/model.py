"""A frozen CLIP with prompts: the student that is trained, tested and used to classify."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from promptsrc.clip.frozen import FrozenCLIP

if TYPE_CHECKING:
    from promptsrc.prompts import PromptLearner


class Encoded(NamedTuple):
    """Of a batch: image (B, D) and text (C, D) features of unit length, logits (B, C).

    Text is (B, C, D) where the prompts depend on the image.
    """

    image: Tensor
    text: Tensor
    logits: Tensor


class PromptedCLIP:
    """Classifies images among a learner's classes, with its prompts in a frozen CLIP (the student).

    A learner whose prompts need another classifier overrides `PromptLearner.student`.
    """

    classes_are_fixed = True  # class features do not depend on the image

    def __init__(self, frozen: FrozenCLIP, prompts: "PromptLearner"):
        self.frozen = frozen
        self.prompts = prompts
        self.classnames = prompts.classnames
        self.texts = prompts.texts(frozen.clip)
        self._encoded_classes: Tensor | None = None

    def class_features(self) -> Tensor:
        """(C, D), unit length."""
        if self._encoded_classes is not None:
            return self._encoded_classes
        vectors = self.prompts.text
        features = unit(self.frozen.encode_text(self.texts, vectors))
        if not vectors:  # no text prompts: encoding once is enough
            self._encoded_classes = features
        return features

    def image_features(self, images: Tensor) -> Tensor:
        """(B, 3, R, R) -> (B, D), unit length."""
        return unit(self.frozen.encode_image(images, self.prompts.image))

    def encode(self, images: Tensor) -> Encoded:
        """Features of both towers and logits, with gradients to the prompts."""
        image, text = self.image_features(images), self.class_features()
        return Encoded(image, text, self.frozen.logits(image, text))

    def classify(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        return self.encode(images).logits

    @torch.no_grad()
    def encode_classes(self) -> None:
        """Encode the classes once and for all; for prompts that no longer change."""
        if self.classes_are_fixed:
            self._encoded_classes = self.class_features()

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
        self.text = unit(class_features)

    @torch.no_grad()
    def encode(self, images: Tensor, features: Tensor | None = None) -> Encoded:
        """Features and logits of images (B, 3, R, R), without gradients.

        Args:
            features: the unit image features (B, D), where they are known already.
        """
        image = unit(self.frozen.encode_image(images)) if features is None else features
        return Encoded(image, self.text, self.frozen.logits(image, self.text))

    def classify(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        return self.encode(images).logits


def unit(features: Tensor) -> Tensor:
    """Features of length 1, in float32: losses and logits do not follow the towers' precision."""
    return F.normalize(features.float(), dim=-1)
