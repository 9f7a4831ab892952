"""What a test measures besides the accuracy in its log: `results.json` beside it, in one pass.

    images of the test ────► model_inference ───► evaluator                 the log's accuracy
         │ encoded once             └───────────► "base"                    among base classes
         └─► the method for all classes ────────► "all", "new", openworld
    images of the new half ──────┘

An evaluator that stands in front of Dassl's, so it works where the loop of a test is Dassl's own.
docs/RESULTS.md describes the file.
"""

import copy
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from promptsrc.clip.once import EncodedOnce
from promptsrc.clip.tokens import name_tokens
from promptsrc.files import replacing
from promptsrc.scores import Records, base_score, openworld, summary
from trainers import pack
from trainers.cost import Phase
from trainers.feature_file import Features

if TYPE_CHECKING:
    from trainers.base import CLIPTrainer

NAME, VERSION = "results.json", 1
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
        return {key: summary(part.records, part.names) for key, part in self.parts.items()}

    def openworld(self) -> dict[str, float] | None:
        if not self.base:
            return None
        everything = self.parts["all"].records
        base = torch.isin(everything.labels, torch.tensor(self.base))
        in_half = torch.empty_like(base)
        in_half[base], in_half[~base] = (self.parts[half].records.right for half in ("base", "new"))
        return openworld(base, everything.right, in_half, torch.cat(self._detector))


class Scored:
    """Stands in front of a trainer's evaluator; other attributes are that one's."""

    def __init__(self, trainer: "CLIPTrainer"):
        self.trainer, self.evaluator = trainer, trainer.evaluator
        self.all_classes = trainer.cfg.TEST.ALL_CLASSES
        self.saves_features = trainer.cfg.TEST.SAVE_FEATURES
        self.current: Pass | None = None
        self.features: Features | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.evaluator, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """The evaluator's, without ours: it measures no more than an accuracy."""
        return copy.deepcopy(self.evaluator, memo)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """In the block one test runs, and is written to `results.json`."""
        model = self.trainer.model
        frozen, model.frozen = model.frozen, EncodedOnce(model.frozen)
        try:
            self.current = plan(self.trainer, self.all_classes)
            self.features = Features(self.trainer) if self.saves_features else None
            yield
        finally:
            self.current, self.features, model.frozen = None, None, frozen

    def reset(self) -> None:
        self.evaluator.reset()

    def process(self, logits: Tensor, labels: Tensor) -> None:
        """Logits (B, C) and labels (B,) of the images that the trainer has taken last."""
        self.evaluator.process(logits, labels)
        if self.current:
            self.current.add(self.trainer.tested_images, labels, {self.trainer: logits})
        if self.features:
            self.features.add(logits, labels)

    def evaluate(self) -> dict[str, float]:
        """The evaluator's metrics, and ours.

        The files are there before the log has the accuracy, by which a run is finished.
        """
        if self.current is None:
            return self.evaluator.evaluate()
        self._read_new_half(self.current)
        found = results(self.trainer, self.current)
        self._write(found, Path(self.trainer.output_dir))
        metrics = self.evaluator.evaluate()
        for line in lines(found, self.current.why_not):
            print(line)
        return metrics | scalars(found, self.current.key)

    def _write(self, found: dict[str, Any], folder: Path) -> None:
        """
        Raises:
            OSError: a file can't be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write(found, folder / NAME)
            if self.features:
                self.features.write(folder)
        except OSError as error:
            raise OSError(
                f"results of the test can't be written to {folder} ({error.strerror}); make room, "
                "then start again"
            ) from None

    def _read_new_half(self, test: Pass) -> None:
        if test.new_loader is None:
            return
        first = len(self.trainer.classnames)
        with torch.random.fork_rng(devices=[]):  # a loader draws a seed
            for batch in tqdm(test.new_loader, "new classes", leave=False, disable=None):
                images, labels = self.trainer.parse_batch_test(batch)
                test.add(images, labels + first, {})


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


def results(trainer: "CLIPTrainer", test: Pass) -> dict[str, Any]:
    """The content of the file."""
    cfg, tests, openworld = trainer.cfg, test.tests(), test.openworld()
    found = {
        "version": VERSION,
        "trainer": cfg.TRAINER.NAME,
        "dataset": cfg.DATASET.NAME,
        "backbone": cfg.MODEL.BACKBONE.NAME,
        "seed": cfg.SEED,
        "shots": cfg.DATASET.get("NUM_SHOTS", -1),
        "split": test.split,
        "test_time_knowledge": trainer.test_time_knowledge,
        "tests": tests,
    }
    if openworld:
        found["openworld"] = openworld
    return found | {"cost": cost(trainer, test.phase)}


def cost(trainer: "CLIPTrainer", test: Phase) -> dict[str, Any]:
    """Of the training, None without one or where unknown, and of the test; docs/RESULTS.md."""
    on_gpu, training = trainer.device.type == "cuda", trainer.training
    steps = trainer.start_epoch < trainer.max_epoch  # else all was done before
    return {
        "parameters": trainer.parameters,
        "train_seconds": trainer.train_seconds,
        "test_seconds": test.seconds,
        "train_peak_gib": training.peak_gib if training and steps else None,
        "test_peak_gib": test.peak_gib,
        "device": torch.cuda.get_device_name(trainer.device) if on_gpu else trainer.device.type,
    }


def write(found: dict[str, Any], path: Path) -> None:
    """Write the file, whole; NaN and Inf (of prompts that contain some) are null in it."""
    text = json.dumps(_finite(found), indent=1, ensure_ascii=False, allow_nan=False)
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def lines(found: dict[str, Any], why_not: str) -> Iterator[str]:
    """What a log says of it to people; no line that parsers of accuracies take."""
    tests = found["tests"]
    if "openworld" in found:
        new, scores = tests["new"], found["openworld"]
        count = new["classes"]
        among = f"{count} new classes" if count > 1 else "1 new class"
        yield f"* Among the {among}: {new['accuracy']:.1f}%"
        yield (
            f"* Among all {tests['all']['classes']} classes: base {scores['S']:.1f}%, "
            f"new {scores['U']:.1f}%, H {scores['H']:.1f}%, "
            f"OpenworldAUC {scores['openworld_auc']:.1f}%"
        )
    if "trained" in tests:
        trained = tests["trained"]
        yield f"* Among all {trained['classes']} trained classes: {trained['accuracy']:.1f}%"
    if why_not:
        yield f"* Not tested among other classes: {why_not}"


def scalars(found: dict[str, Any], key: str) -> dict[str, float]:
    """For TensorBoard: of the part `key`, accuracies of the other parts, and the open world."""
    own = ("balanced_accuracy", "ece", "adaptive_ece", "brier", "nll")
    others = {name: part for name, part in found["tests"].items() if name != key}
    return (
        {name: found["tests"][key][name] for name in own}
        | {f"{name}_accuracy": part["accuracy"] for name, part in others.items()}
        | {f"openworld_{name}": value for name, value in found.get("openworld", {}).items()}
    )
