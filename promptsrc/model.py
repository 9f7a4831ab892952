"""A frozen CLIP with prompts: what is trained, tested and used to classify."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.prompts import ConditionalPrompts, PromptLearner


class Encoded(NamedTuple):
    """What one model says of one batch: image (B, D) and text (C, D) features of unit length, logits (B, C).

    Text is (B, C, D) where the prompts follow the image.
    """

    image: Tensor
    text: Tensor
    logits: Tensor


class PromptedCLIP:
    """Classifies images among class names with a frozen CLIP and prompts (the student)."""

    def __init__(self, frozen: FrozenCLIP, prompts: PromptLearner, classnames: Sequence[str]):
        self.frozen = frozen
        self.prompts = prompts
        self.classnames = list(classnames)
        self.rows = prompts.rows(frozen.clip, classnames)
        self._encoded_classes: Tensor | None = None

    def class_features(self) -> Tensor:
        """(C, D), unit length."""
        if self._encoded_classes is not None:
            return self._encoded_classes
        features = self._encode_classes(self.prompts.text)
        if not self.prompts.text:  # nothing of the text is learned: once is enough
            self._encoded_classes = features
        return features

    def _encode_classes(self, vectors: Sequence[Tensor]) -> Tensor:
        return unit(self.frozen.encode_text(self.rows, vectors))

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
        """Encode the classes now and for good, where prompts do not change any more."""
        self._encoded_classes = self.class_features()

    @contextmanager
    def classes_encoded_once(self) -> Iterator[None]:
        """Within, prompts do not change, and the classes are encoded only once."""
        self.encode_classes()
        try:
            yield
        finally:
            self._encoded_classes = None


class ConditionalCLIP(PromptedCLIP):
    """A prompted CLIP whose context follows the image, so that each image has class features of its own (CoCoOp)."""

    prompts: ConditionalPrompts

    def encode(self, images: Tensor) -> Encoded:
        image = self.image_features(images)  # (B, D)
        text = torch.stack(
            [self._encode_classes([context]) for context in self.prompts.contexts(image)]
        )  # (B, C, D)
        logits = [
            self.frozen.logits(one, classes) for one, classes in zip(image, text, strict=True)
        ]
        return Encoded(image, text, torch.stack(logits))

    def encode_classes(self) -> None:
        """No class has features before the image is seen."""


def prompted_clip(
    frozen: FrozenCLIP, prompts: PromptLearner, classnames: Sequence[str]
) -> PromptedCLIP:
    """The classifier that these prompts make of a frozen CLIP."""
    kind = ConditionalCLIP if isinstance(prompts, ConditionalPrompts) else PromptedCLIP
    return kind(frozen, prompts, classnames)


class ZeroShotCLIP:
    """Classifies with the frozen CLIP and given class features: the zero-shot classifier, PromptSRC's teacher.

    Args:
        class_features: (C, D), normalised here.
    """

    def __init__(self, frozen: FrozenCLIP, class_features: Tensor):
        self.frozen = frozen
        self.text = unit(class_features)

    @torch.no_grad()
    def encode(self, images: Tensor, features: Tensor | None = None) -> Encoded:
        """Features and logits of images (B, 3, R, R), without gradients; `features`, theirs (B, D), if they are known already."""
        image = unit(self.frozen.encode_image(images)) if features is None else features
        return Encoded(image, self.text, self.frozen.logits(image, self.text))

    def classify(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        return self.encode(images).logits


def unit(features: Tensor) -> Tensor:
    """Features of length 1, in float32: head and losses do not follow the towers' precision."""
    return F.normalize(features.float(), dim=-1)
