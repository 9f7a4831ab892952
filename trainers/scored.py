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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from promptsrc.clip.once import EncodedOnce
from promptsrc.escape import printable
from promptsrc.files import replacing
from trainers.cost import Phase
from trainers.feature_file import Features
from trainers.parts import Pass, plan

if TYPE_CHECKING:
    from trainers.base import CLIPTrainer

NAME, VERSION = "results.json", 1


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
            try:
                for batch in tqdm(test.new_loader, "new classes", leave=False, disable=None):
                    images, labels = self.trainer.parse_batch_test(batch)
                    test.add(images, labels + first, {})
            except OSError as error:  # of an image that no run on the base classes has asked for
                test.leave_others_out(str(error))


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
    text = json.dumps(_finite(found), indent=1, allow_nan=False)
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
        among = f"{count} new classes" if count > 1 else "one new class"
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
        yield f"* Not tested among other classes: {printable(why_not)}"


def scalars(found: dict[str, Any], key: str) -> dict[str, float]:
    """For TensorBoard: of the part `key`, accuracies of the other parts, and the open world."""
    own = ("balanced_accuracy", "ece", "adaptive_ece", "brier", "nll")
    others = {name: part for name, part in found["tests"].items() if name != key}
    return (
        {name: found["tests"][key][name] for name in own}
        | {f"{name}_accuracy": part["accuracy"] for name, part in others.items()}
        | {f"openworld_{name}": value for name, value in found.get("openworld", {}).items()}
    )
