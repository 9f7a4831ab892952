"""The parts of a test: which images, among which classes, by which classifier.

    "base"       base images among base classes: as the method answers for its own classes
    "new"        new images among new classes  ┐ as it answers where some are not trained:
    "all"        all images among all classes  ┘ one classifier for all of them
    "trained"    images of some trained classes among all trained ones

Base are the classes of a run on the base half, or those of all tested ones that were trained.
"""

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from promptsrc.clip.tokens import name_tokens
from promptsrc.scores import Records, base_score, openworld, summary
from trainers import pack
from trainers.cost import Phase

if TYPE_CHECKING:
    from trainers.base import CLIPTrainer

LogitsOf = Callable[["CLIPTrainer"], Tensor]  # of a batch


class Part:
    """Images of some classes, classified among some classes.

    Args:
        names: the classes.
        classifier: the method for these classes, or more.
        places: of each label of the test the place among `names`; -1: not an image of this part.
        columns: of the classifier's logits, in the order of `names`; None: all.
    """

    def __init__(
        self,
        names: Sequence[str],
        classifier: "CLIPTrainer",
        places: Sequence[int],
        columns: Sequence[int] | None = None,
    ):
        self.names, self.classifier, self.columns = names, classifier, columns
        self.places = torch.tensor(places, device=classifier.device)
        self._records: list[Records] = []

    def add(self, labels: Tensor, logits_of: LogitsOf) -> None:
        places = self.places[labels]
        mine = places >= 0
        if mine.any():
            logits = logits_of(self.classifier)[mine]
            logits = logits if self.columns is None else logits[:, self.columns]
            self._records.append(Records.of(logits, places[mine]))

    @property
    def has_images(self) -> bool:
        return bool(self._records)

    @property
    def records(self) -> Records:
        return Records.joined(self._records)


class Pass:
    """One test: its parts by name, and for "all" of base and new classes the detector's scores.

    Args:
        key: the part whose accuracy the log has.
    """

    def __init__(self, split: str, key: str):
        self.split, self.key, self.phase = split, key, Phase()
        self.parts: dict[str, Part] = {}
        self.base: list[int] = []  # columns of base classes in "all"
        self.new_loader: Any = None
        self.why_not = ""
        self._detector: list[Tensor] = []

    def leave_others_out(self, why: str) -> None:
        """Keep the part of the log alone."""
        self.parts, self.base, self.why_not = {self.key: self.parts[self.key]}, [], why

    def add(self, images: Tensor, labels: Tensor, known: dict["CLIPTrainer", Tensor]) -> None:
        """A batch; `known` are logits that have been computed already."""

        def logits_of(classifier: "CLIPTrainer") -> Tensor:
            if classifier not in known:
                known[classifier] = classifier.model_inference(images)
            return known[classifier]

        for part in self.parts.values():
            part.add(labels, logits_of)
        if self.base:
            self._detector.append(base_score(logits_of(self.parts["all"].classifier), self.base))

    def tests(self) -> dict[str, Any]:
        """The scores of each part that has images."""
        parts = {key: part for key, part in self.parts.items() if part.has_images}
        return {key: summary(part.records, part.names) for key, part in parts.items()}

    def openworld(self) -> dict[str, float] | None:
        """None unless there are base and new images."""
        if not (self.base and all(part.has_images for part in self.parts.values())):
            return None
        everything = self.parts["all"].records
        base = torch.isin(everything.labels, torch.tensor(self.base))
        in_half = torch.empty_like(base)
        in_half[base], in_half[~base] = (self.parts[half].records.right for half in ("base", "new"))
        return openworld(base, everything.right, in_half, torch.cat(self._detector))


def plan(trainer: "CLIPTrainer", all_classes: bool) -> Pass:
    """What a test measures, which ends the training; in its log, why it does not measure more."""
    if trainer.training:
        trainer.training.stop()
    loaders = {"val": trainer.val_loader, "test": trainer.test_loader}
    asked = trainer.cfg.TEST.SPLIT
    split = asked if loaders.get(asked) is not None else "test"  # as Dassl.pytorch does
    test = Pass(split, trainer.cfg.DATASET.get("SUBSAMPLE_CLASSES", "all"))
    test.parts[test.key] = Part(names := trainer.classnames, trainer, range(len(names)))
    if all_classes:
        try:
            _more(test, trainer)
        except (OSError, ValueError) as error:
            test.why_not = str(error)
    return test


def _more(test: Pass, trainer: "CLIPTrainer") -> None:
    """Add the parts among other classes than those of the test.

    Raises:
        ValueError: the method has no answer among them.
        OSError: images of the new half are missing.
    """
    names, trained = trainer.classnames, trainer.trained_on
    known = are_among(names, trained or ())
    some = 0 < sum(known) == len(trained or ()) < len(names)
    if test.key == "base":
        _add_new_half(test, trainer)
    elif test.key == "all" and some:
        base = [i for i, is_base in enumerate(known) if is_base]
        new = [i for i, is_base in enumerate(known) if not is_base]
        narrow = trainer.for_classes([names[i] for i in base])
        test.parts = _halves(narrow, trainer, names, base, new)
        test.base = base
    if trained is not None and all(known) and len(names) < len(trained):
        places = _places_of(names, trained)
        test.parts["trained"] = Part(trained, trainer.for_classes(trained), places)


def _add_new_half(test: Pass, trainer: "CLIPTrainer") -> None:
    new_half = getattr(trainer.dm.dataset, "new_half", None)
    new_names, items = new_half(test.split) if new_half else ([], [])
    if not items or any(are_among(new_names, trainer.trained_on or ())):
        return
    names = [*trainer.classnames, *new_names]
    base, new = range(len(trainer.classnames)), range(len(trainer.classnames), len(names))
    test.parts = _halves(trainer, trainer.for_classes(names), names, base, new)
    test.base = [*base]
    loader = trainer.dm.val_loader if test.split == "val" else trainer.dm.test_loader
    test.new_loader = pack.read_once(loader_of(items, loader), trainer.device)


def _halves(
    narrow: "CLIPTrainer",
    wide: "CLIPTrainer",
    names: Sequence[str],
    base: Sequence[int],
    new: Sequence[int],
) -> dict[str, Part]:
    """Base images by what the method does among its own classes, the others by what it does among
    all."""

    def part(classifier: "CLIPTrainer", labels: Sequence[int], columns: Sequence[int] | None):
        places = {label: place for place, label in enumerate(labels)}
        some = [names[i] for i in labels]
        return Part(some, classifier, [places.get(i, -1) for i in range(len(names))], columns)

    return {
        "base": part(narrow, base, None),
        "new": part(wide, new, list(new)),
        "all": part(wide, range(len(names)), None),
    }


def are_among(names: Sequence[str], others: Sequence[str]) -> list[bool]:
    """Whether each name is one of the others, as CLIP reads them; each of those counts once."""
    left = Counter(name_tokens(name) for name in others)
    found = []
    for ids in map(name_tokens, names):
        found.append(left[ids] > 0)
        left[ids] -= 1
    return found


def _places_of(names: Sequence[str], others: Sequence[str]) -> list[int]:
    """The place of each name among the others; the first of equal ones."""
    places = {name_tokens(name): place for place, name in reversed([*enumerate(others)])}
    return [places[name_tokens(name)] for name in names]


def loader_of(items: Sequence[Any], loader: Any) -> Any:
    """A loader of other items, otherwise like this one."""
    data = copy.copy(loader.dataset)
    data.data_source = items
    return type(loader)(
        data,
        loader.batch_size,
        num_workers=loader.num_workers,
        pin_memory=loader.pin_memory,
        worker_init_fn=loader.worker_init_fn,
    )
