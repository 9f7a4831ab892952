"""A classifier from prompts alone: your images, the classes trained on or any others.

classifier = promptsrc.load("output/run")
for image, classes in classifier.classify("photos", ["cat", "dog"]):
    print(image, classes[0].name, classes[0].probability)
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

import promptsrc.adapters  # noqa: F401 (makes its learners known)
from promptsrc.checkpoint import load_prompts
from promptsrc.clip.classes import notes
from promptsrc.clip.frozen import FrozenCLIP, load_clip
from promptsrc.clip.precision import precision
from promptsrc.inference.classnames import checked
from promptsrc.inference.images import Preprocessing
from promptsrc.inference.loading import squares
from promptsrc.inference.prompt_file import PromptFile, read_prompts
from promptsrc.inference.sources import Source, as_rgb, one_by_one
from promptsrc.inference.square import read_square, square
from promptsrc.model import PromptedCLIP
from promptsrc.prompts import PromptLearner, find_learner


class Class(NamedTuple):
    """A class and its probability, from 0 to 1."""

    name: str
    probability: float


class Prediction(NamedTuple):
    """All classes of one image, the most probable first; `image` is None if it is not a file."""

    image: Path | None
    classes: list[Class]


def load(
    path: str | os.PathLike,
    device: str | None = None,
    prec: str = "fp32",
    backbone: str | None = None,
) -> "Classifier":
    """The classifier of a run's folder (its final prompts), a checkpoint or a safetensors file.

    Args:
        device: such as cpu, cuda or cuda:1; by default a GPU if there is one.
        prec: fp32, fp16, amp or bf16.
        backbone: the backbone's file of weights, if that has moved.

    Raises:
        FileNotFoundError: no such file, or no checkpoint in the folder.
        ValueError: it is damaged or does not say what it is for; the device or precision is not
            available.
        ConnectionError: the backbone's weights could not be downloaded.
    """
    prompts = read_prompts(path)
    if backbone is not None:
        prompts = prompts.describing(backbone=backbone)
    return Classifier(prompts, device, prec)


class Classifier:
    """A frozen CLIP with prompts, and all it takes to classify image files.

    Attributes:
        classnames: those trained on; None if the file does not name them.
    """

    def __init__(self, prompts: PromptFile, device: str | None = None, prec: str = "fp32"):
        self._prompts = prompts
        self.description = prompts.description
        self.classnames: list[str] | None = prompts.description.get("classnames")
        self.device = _usable(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        policy = precision(prec, self.device)
        self._frozen = FrozenCLIP(load_clip(self.description["backbone"], self.device), policy)
        self._frozen.cast()
        resolution = self._frozen.resolution
        stated = self.description.get("input") or {"size": resolution, **self._frozen.clip.images}
        self.preprocess = Preprocessing.of(stated, resolution)
        self._cached_model = lru_cache(maxsize=4)(self._build)
        if self.classnames is not None:
            self.learner(self.classnames)  # refuse now what does not fit

    def __repr__(self) -> str:
        about, names = self.description, self.classnames
        few = ", ".join((names or [])[:3]) + ", ..." * (len(names or []) > 3)
        of = "any classes" if names is None else f"{len(names)} classes ({few})"
        return f"<Classifier: {about['method']} on {about['backbone']}, {of}>"

    def names(self, classnames: Sequence[str] | None = None) -> list[str]:
        """The names given, else those trained on, which may be a published list with equal names.

        Raises:
            ValueError: a name is empty or a duplicate, or no names are known.
        """
        if classnames is not None and classnames != self.classnames:
            return checked(classnames)
        if self.classnames is None:
            raise ValueError(
                "these prompts do not name their classes; give names: --classnames a,b,c, or "
                "classify(images, [...])"
            )
        return self.classnames

    def model(self, classnames: Sequence[str] | None = None) -> PromptedCLIP:
        """The model with these classes encoded; cached for the last four lists of names.

        Raises:
            ValueError: see `names`; or a name is too long, or unknown to prompts that differ by
                class.
        """
        return self._cached_model(tuple(self.names(classnames)))

    def _build(self, classnames: tuple[str, ...]) -> PromptedCLIP:
        model = self.learner(classnames).student(self._frozen)
        model.encode_classes()
        for note in notes(self._frozen.clip, classnames):
            print(note)
        return model

    def learner(self, classnames: Sequence[str]) -> PromptLearner:
        """The learner that the description names, for these classes, with the tensors in it.

        Raises:
            ValueError: an unknown learner; settings, tensors or classes that do not fit it.
        """
        about = self.description
        name, settings = about["learner"], about["settings"]
        kind = find_learner(name, about.get("module"))
        try:
            learner = kind(self._frozen.clip, classnames, **settings)
        except TypeError as error:
            raise ValueError(f"{name} does not take the settings {settings} ({error})") from None
        load_prompts(learner, self._prompts.tensors, "this file of prompts", about)
        return learner.to(self.device).requires_grad_(False).eval()

    def classify(
        self,
        images: Source | Iterable[Source],
        classnames: Sequence[str] | None = None,
        batch_size: int = 32,
    ) -> list[Prediction]:
        """Classify a path, a folder (all images below it, sorted), an image in memory, or several.

        `promptsrc.inference.sources` says which forms an image may have.

        Raises:
            FileNotFoundError: no such image or folder.
            OSError: an image cannot be read.
            ValueError: a folder without images, class names that cannot be used, or a batch size
                below 1.
        """
        return list(self.predictions(images, classnames, batch_size))

    def predictions(
        self,
        images: Source | Iterable[Source],
        classnames: Sequence[str] | None = None,
        batch_size: int = 32,
        unreadable: Callable[[OSError], None] | None = None,
        processes: int = 0,
    ) -> Iterator[Prediction]:
        """Like `classify`, one by one.

        Args:
            unreadable: is given the error of each image that cannot be read, which is then skipped.
            processes: how many decode files beside this one; a script that sets it guards its main
                part by `if __name__ == "__main__"`. Images in memory need 0.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
        model = self.model(classnames)
        one = one_by_one(images)
        tensors = self._tensors(self._squares(one, processes), unreadable)
        while batch := list(islice(tensors, batch_size)):
            paths, inputs = zip(*batch, strict=True)
            yield from map(Prediction, paths, self._classes(model, torch.stack(inputs)))

    def _squares(self, images: Iterable[Any], processes: int) -> Iterable[tuple[Any, Any]]:
        """Each image with the bytes of its centre square, or with why it can't be read."""
        steps = self.preprocess
        if processes:
            return squares(images, processes, steps.size, steps.interpolation, steps.read_as)
        return ((image, self._square(image)) for image in images)

    def _square(self, image: Any) -> Any:
        steps = self.preprocess
        if isinstance(image, Path):
            return read_square(image, steps.size, steps.interpolation, steps.read_as)
        try:
            return square(as_rgb(image, steps.read_as), steps.size, steps.interpolation)
        except OSError as error:
            return error

    def _tensors(
        self, found: Iterable[tuple[Any, Any]], unreadable: Callable[[OSError], None] | None
    ) -> Iterator[tuple[Path | None, Tensor]]:
        for image, pixels in found:
            if not isinstance(pixels, OSError):
                yield image if isinstance(image, Path) else None, self.preprocess.normalised(pixels)
            elif unreadable is None:
                raise pixels
            else:
                unreadable(pixels)

    @torch.no_grad()
    def _classes(self, model: PromptedCLIP, images: Tensor) -> list[list[Class]]:
        """All classes of each of the images (B, 3, R, R), sorted."""
        probabilities = model.classify(images.to(self.device)).softmax(-1)  # (B, C)
        values, order = (t.tolist() for t in probabilities.sort(descending=True, stable=True))
        return [
            [Class(model.classnames[k], p) for k, p in zip(*row, strict=True)]
            for row in zip(order, values, strict=True)
        ]


def _usable(name: str) -> torch.device:
    """The device of this name.

    Raises:
        ValueError: no such device on this machine.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device).tolist()  # a device such as meta has no values
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split("\n")[0].split(". ")[0]  # long advice follows
        raise ValueError(
            f"device {name!r} cannot be used here ({reason}); use cpu, or cuda if there is a GPU"
        ) from None
    return device
