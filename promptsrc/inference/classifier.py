"""A classifier from learned prompts alone: own images, the classes trained on or any others.

classifier = promptsrc.load("output/run")
for image, classes in classifier.classify("photos", ["cat", "dog"]):
    print(image, classes[0].name, classes[0].probability)
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from promptsrc.inference.classnames import checked
from promptsrc.inference.images import Preprocessing, image_files, read_image
from promptsrc.inference.prompt_file import SharedPrompts, frozen_clip, learner, read_prompts
from promptsrc.model import PromptedCLIP

Source = str | os.PathLike | Image.Image


class Class(NamedTuple):
    """A class and how probable it is, from 0 to 1."""

    name: str
    probability: float


class Prediction(NamedTuple):
    """All classes of one image, the most probable first; `image` is None where none was read from a file."""

    image: Path | None
    classes: list[Class]


def load(
    path: str | os.PathLike,
    device: str | None = None,
    prec: str = "fp32",
    backbone: str | None = None,
) -> "Classifier":
    """The classifier of a run's folder (its final prompts), a checkpoint or a safetensors file of prompts.

    Args:
        device: such as cpu, cuda or cuda:1; by default a GPU where there is one.
        prec: fp32, fp16, amp or bf16.
        backbone: where the weights of the backbone are, when that is a file that has moved.

    Raises:
        FileNotFoundError: there is no such file, or no checkpoint in the folder.
        ValueError: it is damaged, does not say what it is for, or the device or precision cannot be had.
        ConnectionError: the backbone's weights could not be downloaded.
    """
    shared = read_prompts(path)
    if backbone is not None:
        shared = shared._replace(description=shared.description | {"backbone": backbone})
    return Classifier(shared, device, prec)


class Classifier:
    """A frozen CLIP with prompts, and all that it takes to classify image files.

    classnames: those that the prompts were trained on; None where the file does not say them.
    """

    def __init__(self, shared: SharedPrompts, device: str | None = None, prec: str = "fp32"):
        self.description = shared.description
        self.classnames: list[str] | None = shared.description.get("classnames")
        self.device = _usable(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._shared, self._frozen = shared, frozen_clip(shared, self.device, prec)
        self.preprocess = Preprocessing.of(shared.description.get("input"), self._frozen.resolution)
        self._model = lru_cache(maxsize=4)(self._build)  # names: model that has encoded them
        if self.classnames is not None:
            learner(shared, self._frozen, self.classnames)  # what does not fit is refused now

    def names(self, classnames: Sequence[str] | None = None) -> list[str]:
        """The names given, or else those trained on.

        Raises:
            ValueError: a name is empty or there twice, or none are known.
        """
        if classnames is not None:
            return checked(classnames)
        if self.classnames is None:
            raise ValueError(
                "this file of prompts does not say its classes; name some: --classnames a,b,c, or classify(images, [...])"
            )
        return self.classnames

    def model(self, classnames: Sequence[str] | None = None) -> PromptedCLIP:
        """The model for these classes, which it has encoded; kept for the names used last.

        Raises:
            ValueError: see `names`; or a name is too long, or there are not as many as the prompts are for.
        """
        return self._model(tuple(self.names(classnames)))

    def _build(self, classnames: tuple[str, ...]) -> PromptedCLIP:
        model = learner(self._shared, self._frozen, classnames).student(self._frozen)
        model.encode_classes()
        return model

    def classify(
        self,
        images: Source | Iterable[Source],
        classnames: Sequence[str] | None = None,
        batch_size: int = 32,
    ) -> list[Prediction]:
        """Classify images: a path, a folder (all images below it, sorted), a PIL image, or several of these.

        Raises:
            FileNotFoundError: no such image or folder.
            OSError: an image cannot be read.
            ValueError: a folder without images, class names that cannot be used, or a batch size below 1.
        """
        return list(self.predictions(images, classnames, batch_size))

    def predictions(
        self,
        images: Source | Iterable[Source],
        classnames: Sequence[str] | None = None,
        batch_size: int = 32,
        unreadable: Callable[[OSError], None] | None = None,
    ) -> Iterator[Prediction]:
        """As `classify`, one by one; an image that cannot be read is passed over where `unreadable` takes its error."""
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
        model = self.model(classnames)
        read = self._read(_one_by_one(images), unreadable)
        while batch := list(islice(read, batch_size)):
            paths, tensors = zip(*batch, strict=True)
            yield from map(Prediction, paths, self._classes(model, torch.stack(tensors)))

    def _read(
        self, images: Iterable[Path | Image.Image], unreadable: Callable[[OSError], None] | None
    ) -> Iterator[tuple[Path | None, Tensor]]:
        for image in images:
            try:
                if isinstance(image, Image.Image):
                    yield None, self.preprocess(image.convert("RGB"))
                else:
                    yield image, self.preprocess(read_image(image))
            except OSError as error:
                if unreadable is None:
                    raise
                unreadable(error)

    @torch.no_grad()
    def _classes(self, model: PromptedCLIP, images: Tensor) -> list[list[Class]]:
        """Of images (B, 3, R, R), all classes of each, sorted."""
        probabilities = model.classify(images.to(self.device)).softmax(-1)  # (B, C)
        values, order = (t.tolist() for t in probabilities.sort(descending=True, stable=True))
        return [
            [Class(model.classnames[k], p) for k, p in zip(*row, strict=True)]
            for row in zip(order, values, strict=True)
        ]


def _one_by_one(images: Source | Iterable[Source]) -> Iterator[Path | Image.Image]:
    for image in [images] if isinstance(images, str | os.PathLike | Image.Image) else images:
        yield from [image] if isinstance(image, Image.Image) else image_files([image])


def _usable(name: str) -> torch.device:
    """
    Raises:
        ValueError: no such device, or not on this machine.
    """
    try:
        device = torch.device(name)
        torch.empty(
            1, device=device
        ).tolist()  # a device that only pretends, such as meta, has no values
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split("\n")[0].split(". ")[0]  # the next sentences are pages
        raise ValueError(
            f"device {name!r} cannot be used here ({reason}); take cpu, or cuda where there is a GPU"
        ) from None
    return device
