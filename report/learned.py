"""What a run has learned: the words that its vectors are near to, and what it makes of the test images."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from yacs.config import CfgNode

from promptsrc.checkpoint import learned_tensors
from promptsrc.clip.openai import tokenizer

BEST = "model-best.pth.tar"
FIRST_LAYER = (
    "prompt_learner.ctx",
    "ctx",
)  # checkpoint keys of text vectors that stand among words
SPECIAL = ("<|startoftext|>", "<|endoftext|>")


def checkpoint_file(folder: Path, cfg: CfgNode) -> Path | None:
    """The checkpoint that a run's result is of: its own best or newest one, or that of MODEL_DIR for a test."""
    own = [
        file
        for file in folder.glob("*/model*.pth.tar*")
        if file.name == BEST or epoch_of(file) is not None
    ]
    if own and cfg.TEST.FINAL_MODEL == "last_step":
        return max(own, key=lambda file: epoch_of(file) or 0)
    name = BEST if own or cfg.LOAD_EPOCH < 0 else f"model.pth.tar-{cfg.LOAD_EPOCH}"
    source = folder if own else cfg.MODEL_DIR and Path(cfg.MODEL_DIR)
    return next(iter(source.glob(f"*/{name}")), None) if source else None


def epoch_of(checkpoint: Path) -> int | None:
    """The epoch in a checkpoint's name; None: the best one."""
    ending = checkpoint.name.removeprefix("model.pth.tar-")
    return int(ending) if ending.isdecimal() else None


def learned_numbers(state: Mapping[str, Tensor]) -> int:
    """How many numbers were trained; files of other implementations hold the frozen CLIP as well."""
    return sum(value.numel() for value in (learned_tensors(dict(state)) or state).values())


class Word(NamedTuple):
    """A token and its distance from a vector; `…` behind one that only begins a word."""

    text: str
    distance: float


def text_vectors(state: Mapping[str, Tensor]) -> Tensor | None:
    """The text vectors that stand among words: (n, W), or (C, n, W); deeper ones take the place of states, not of words."""
    learned = learned_tensors(dict(state))
    return next((learned[key].float() for key in FIRST_LAYER if key in learned), None)


def nearest_words(vectors: Tensor, embedding: Tensor, count: int = 5) -> list[list[Word]]:
    """The `count` tokens nearest to each of the vectors (n, W) by Euclidean distance, as CoOp's paper (arXiv 2109.01134) reads its vectors.

    Args:
        embedding: the frozen token embedding (V, W). Its special tokens are no words; nor are tokens that share their row
            with others, which pre-training has never seen.
    """
    words = _words(embedding)
    rows, found = embedding[words].float(), []
    for part in vectors.float().split(64):  # all at once would be gigabytes for a context a class
        near = torch.cdist(part, rows, compute_mode="donot_use_mm_for_euclid_dist").topk(
            min(count, len(words)), largest=False
        )
        found += [
            [
                Word(_text(int(words[i])), float(distance))
                for i, distance in zip(ids, row, strict=True)
            ]
            for ids, row in zip(near.indices, near.values, strict=True)
        ]
    return found


def between_words(embedding: Tensor, sample: int = 1000) -> float:
    """The median distance between two words, over evenly spaced ones: the scale to read distances on."""
    words = _words(embedding)
    chosen = embedding[words[:: max(1, len(words) // sample)]].float()
    return float(torch.pdist(chosen).median())


def _words(embedding: Tensor) -> Tensor:
    _, row, counts = embedding.unique(dim=0, return_inverse=True, return_counts=True)
    is_word = counts[row] == 1
    is_word[[tokenizer.encoder[token] for token in SPECIAL]] = False
    return is_word.nonzero()[:, 0]


def _text(token: int) -> str:
    text = tokenizer.decode([token])
    return text[:-1] if text.endswith(" ") else f"{text}…"


@dataclass(frozen=True)
class Predictions:
    """Labels of the test images, and what was predicted for them: by the run, and by zero-shot CLIP with one template.

    All are (N,); `trained` is None for zero-shot CLIP itself.
    """

    classnames: Sequence[str]
    paths: Sequence[str]
    labels: np.ndarray
    trained: np.ndarray | None
    zero_shot: np.ndarray

    @property
    def shown(self) -> np.ndarray:
        """What the run predicts."""
        return self.zero_shot if self.trained is None else self.trained

    def by_class(self, predicted: np.ndarray) -> np.ndarray:
        """Accuracy in percent of each class (C,); NaN where it has no image."""
        total = self.totals
        right = np.bincount(self.labels[predicted == self.labels], minlength=len(total))
        return np.divide(100.0 * right, total, out=np.full(len(total), np.nan), where=total > 0)

    @property
    def totals(self) -> np.ndarray:
        """Images of each class (C,)."""
        return np.bincount(self.labels, minlength=len(self.classnames))


class Confusion(NamedTuple):
    """Images of class `true` that the run takes for `predicted`."""

    true: int
    predicted: int
    images: list[int]


def confusions(found: Predictions) -> list[Confusion]:
    """All pairs of classes that the run confuses, most images first, then the larger share of the class."""
    pairs: dict[tuple[int, int], list[int]] = {}
    for i, (true, predicted) in enumerate(
        zip(found.labels.tolist(), found.shown.tolist(), strict=True)
    ):
        if true != predicted:
            pairs.setdefault((true, predicted), []).append(i)
    made = [Confusion(true, predicted, images) for (true, predicted), images in pairs.items()]
    return sorted(
        made,
        key=lambda c: (-len(c.images), -len(c.images) / found.totals[c.true], c.true, c.predicted),
    )


def predictions(cfg: CfgNode, checkpoint: Path | None) -> Predictions:
    """Test the run as `train.py --eval-only` does, then zero-shot CLIP on the same images.

    Raises:
        ValueError, OSError, KeyError: data, backbone or checkpoint are not there, or do not fit.
    """
    cfg = _quiet(cfg)
    plain = cfg.clone()
    plain.TRAINER.NAME, plain.REGULATION.ENABLED = "ZeroshotCLIP", False
    trained = None if cfg.TRAINER.NAME == plain.TRAINER.NAME else _tested(cfg, checkpoint).predicted
    test = _tested(plain, None)
    return Predictions(
        test.classnames,
        test.paths,
        np.array(test.labels),
        _array(trained),
        np.array(test.predicted),
    )


def _array(values: list[int] | None) -> np.ndarray | None:
    return None if values is None else np.array(values)


def _quiet(cfg: CfgNode) -> CfgNode:
    cfg = cfg.clone()
    cfg.defrost()
    cfg.DATALOADER.TEST.SAMPLER, cfg.VERBOSE = "SequentialSampler", False
    return cfg


class _Recorder:
    """An evaluator that keeps what it sees."""

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

    if cfg.SEED >= 0:
        set_random_seed(cfg.SEED)  # shots of a seed are those of the run
    with contextlib.redirect_stdout(io.StringIO()):
        trainer = build_trainer(cfg)
        if trainer.get_model_names():
            if checkpoint is None:
                raise ValueError("there is no checkpoint of it")
            trainer.load_model(str(checkpoint.parents[1]), epoch=epoch_of(checkpoint))
        on_val = cfg.TEST.SPLIT == "val" and trainer.val_loader is not None
        items = (trainer.val_loader if on_val else trainer.test_loader).dataset.data_source
        names = [trainer.lab2cname[label] for label in range(trainer.num_classes)]
        trainer.evaluator = _Recorder(names, [item.impath for item in items])
        trainer.test()
    return trainer.evaluator
