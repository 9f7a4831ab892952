"""What a run predicts for the test images."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor
from yacs.config import CfgNode

from promptsrc.checkpoint import check_classes, read_checkpoint
from promptsrc.run_folder import find
from runs.items import PARTS
from runs.run import tested_epoch


@dataclass(frozen=True)
class Predictions:
    """Labels of the test images, and the predictions of the run and of zero-shot CLIP.

    Zero-shot CLIP has the dataset's one template. All arrays are (N,); `trained` is None if the run
    is zero-shot CLIP itself.
    """

    classnames: Sequence[str]
    paths: Sequence[str]
    labels: np.ndarray
    trained: np.ndarray | None
    zero_shot: np.ndarray

    @property
    def of_run(self) -> np.ndarray:
        """What the run predicts."""
        return self.zero_shot if self.trained is None else self.trained

    @property
    def totals(self) -> np.ndarray:
        """Images of each class (C,)."""
        return np.bincount(self.labels, minlength=len(self.classnames))

    def accuracy(self, predicted: np.ndarray) -> float:
        """In percent."""
        return float(100 * np.mean(predicted == self.labels))

    def by_class(self, predicted: np.ndarray) -> np.ndarray:
        """Accuracy in percent of each class (C,); NaN where it has no image."""
        total = self.totals
        missing = np.full(len(total), np.nan)
        return np.divide(100.0 * self.right(predicted), total, out=missing, where=total > 0)

    def right(self, predicted: np.ndarray) -> np.ndarray:
        """Images of each class that are predicted rightly (C,)."""
        return np.bincount(self.labels[predicted == self.labels], minlength=len(self.classnames))


class Confusion(NamedTuple):
    """Images of class `true` that the run takes for `predicted`."""

    true: int
    predicted: int
    images: list[int]


def confusions(found: Predictions) -> list[Confusion]:
    """All pairs of confused classes, most images first, then the larger share of the class."""
    pairs: dict[tuple[int, int], list[int]] = {}
    for i in np.flatnonzero(found.labels != found.of_run).tolist():
        pairs.setdefault((int(found.labels[i]), int(found.of_run[i])), []).append(i)
    made = [Confusion(*pair, images) for pair, images in pairs.items()]
    totals = found.totals
    return sorted(made, key=lambda c: (-len(c.images), totals[c.true], c.true, c.predicted))


def checkpoint_file(folder: Path, cfg: CfgNode) -> Path:
    """The checkpoint that a run is tested with: its own, or for a test that of MODEL_DIR.

    Raises:
        FileNotFoundError: there is none.
    """
    if cfg.MODEL_DIR and not any(folder.glob("*/checkpoint")):
        epoch = tested_epoch(cfg)
        return find(cfg.MODEL_DIR, "best" if epoch is None else epoch)
    return find(folder, "best" if cfg.TEST.FINAL_MODEL == "best_val" else "newest")


def epoch_of(checkpoint: Path) -> int | None:
    """The epoch in a checkpoint's name; None for the best one."""
    ending = checkpoint.name.removeprefix("model.pth.tar-")
    return int(ending) if ending.isdecimal() else None


def predictions(cfg: CfgNode, checkpoint: Path | None) -> Predictions:
    """Test the run as `train.py --eval-only` does, then zero-shot CLIP on the same images.

    Raises:
        ValueError, OSError, KeyError: data, backbone or checkpoint are missing or do not fit.
    """
    cfg = cfg.clone()
    cfg.defrost()
    cfg.DATALOADER.TEST.SAMPLER, cfg.VERBOSE = "SequentialSampler", False
    cfg.MODEL.INIT_WEIGHTS = ""  # the checkpoint replaces them
    plain = cfg.clone()
    plain.TRAINER.NAME, plain.REGULATION.ENABLED = "ZeroshotCLIP", False
    trained = None
    if cfg.TRAINER.NAME != plain.TRAINER.NAME:
        trained = np.array(_tested(cfg, checkpoint).predicted)
    test = _tested(plain, None)
    labels, zero_shot = np.array(test.labels), np.array(test.predicted)
    return Predictions(test.classnames, test.paths, labels, trained, zero_shot)


class _Recorder:
    """An evaluator that records labels and predictions."""

    def __init__(self, classnames: Sequence[str], paths: Sequence[str]):
        self.classnames, self.paths = classnames, paths
        self.reset()

    def reset(self) -> None:
        self.labels: list[int] = []
        self.predicted: list[int] = []

    def process(self, logits: Tensor, labels: Tensor) -> None:
        """Logits (B, C) and labels (B,)."""
        self.predicted += logits.argmax(1).tolist()
        self.labels += labels.tolist()

    def evaluate(self) -> dict[str, float]:
        return {"accuracy": 100.0 * np.mean(np.equal(self.labels, self.predicted))}


def _tested(cfg: CfgNode, checkpoint: Path | None) -> _Recorder:
    from dassl.engine import build_trainer
    from dassl.utils import set_random_seed

    import runs.register  # noqa: F401 (makes names known)

    if cfg.SEED >= 0:
        set_random_seed(cfg.SEED)  # a seed draws the same shots as in the run
    with contextlib.redirect_stdout(io.StringIO()):
        trainer = build_trainer(cfg)
        if trainer.get_model_names():
            if checkpoint is None:
                raise ValueError("the run has no checkpoint")
            trainer.load_model(str(checkpoint.parents[1]), epoch=epoch_of(checkpoint))
            if not cfg.MODEL_DIR:  # the run's own
                check_classes(trainer.prompts, read_checkpoint(checkpoint), checkpoint)
        loader = trainer.val_loader if cfg.TEST.SPLIT == "val" else trainer.test_loader
        if loader is None:
            raise ValueError(f"the data has no {PARTS[cfg.TEST.SPLIT]} images")
        items = loader.dataset.data_source
        names = [trainer.lab2cname[label] for label in range(trainer.num_classes)]
        recorder = trainer.evaluator = _Recorder(names, [item.impath for item in items])
        trainer.test()
    return recorder
