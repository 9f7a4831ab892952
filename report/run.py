"""One run, read: its configuration, its log, its checkpoint, and what they make of words and of the test images."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

import runs.folder as run_folder
from promptsrc.checkpoint import read_checkpoint
from promptsrc.clip.frozen import load_clip
from report import learned
from report.learned import Predictions, Word
from runs import log
from runs.config import default_config, merge_file
from runs.log import History
from runs.results import TESTED, parse_run


@dataclass
class Run:
    """What a run's folder holds; `missing` says of a part of the page why it isn't there."""

    folder: Path
    cfg: CfgNode | None
    history: History
    accuracy: float | None  # in percent, of its log
    trained_in: Path | None = None  # of a test: the folder of the training
    checkpoint: Path | None = None
    epoch: int | None = None  # of the checkpoint
    state: dict[str, Any] = field(default_factory=dict)
    weights: list[float] = field(default_factory=list)  # of the epochs in the prompt average
    words: list[list[list[Word]]] = field(
        default_factory=list
    )  # of each context (CSC: a class's), of each vector
    apart: float = math.nan  # how far words are apart
    predictions: Predictions | None = None
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def trains(self) -> bool:
        return self.cfg is None or not self.cfg.TRAINER.NAME.startswith("ZeroshotCLIP")


def read_run(folder: Path, root: str = "") -> Run:
    """All that can be known of a run.

    Args:
        root: folder of the datasets, in place of the run's DATASET.ROOT.

    Raises:
        ValueError: its `config.yaml` is none.
    """
    result = parse_run(folder, TESTED)
    run = Run(folder, _config(folder, root), log.read(folder), result and result[1])
    if run.cfg is None:
        reason = f"{folder} has no {run_folder.NAME}, which says the method and its data"
        run.missing = dict.fromkeys(("weights", "words", "classes"), reason)
        return run
    if not run.history.lines and run.cfg.MODEL_DIR:
        run.trained_in = Path(run.cfg.MODEL_DIR)
        run.history = log.read(run.trained_in)
    for part, read in {
        "weights": _read_checkpoint,
        "words": _read_words,
        "classes": _read_predictions,
    }.items():
        try:
            read(run)
        except (ValueError, OSError, KeyError) as error:
            message = error.args[0] if isinstance(error, KeyError) else error
            run.missing[part] = " ".join(str(message).split())
    return run


def _config(folder: Path, root: str) -> CfgNode | None:
    file = folder / run_folder.NAME
    if not file.is_file():
        return None
    cfg = default_config()
    merge_file(cfg, str(file))
    cfg.DATASET.ROOT = root or cfg.DATASET.ROOT
    return cfg


def _read_checkpoint(run: Run) -> None:
    if not run.trains:
        return
    run.checkpoint = learned.checkpoint_file(run.folder, run.cfg)
    if run.checkpoint is None:
        raise ValueError(f"there is no checkpoint in {run.trained_in or run.folder}")
    found = read_checkpoint(run.checkpoint)
    run.state, run.epoch = found["state_dict"], found["epoch"]
    run.weights = found.get("trainer_state", {}).get("regulation", {}).get("weights", [])


def _read_words(run: Run) -> None:
    vectors = learned.text_vectors(run.state)
    if vectors is not None:
        clip = load_clip(run.cfg.MODEL.BACKBONE.NAME, cache=run.cfg.MODEL.BACKBONE.CACHE)
        embedding = clip.token_embedding.weight
        n, count = vectors.shape[-2], 5 if vectors.ndim == 2 else 1
        words = learned.nearest_words(vectors.flatten(0, -2), embedding, count)
        run.words = [words[i : i + n] for i in range(0, len(words), n)]
        run.apart = learned.between_words(embedding)


def _read_predictions(run: Run) -> None:
    run.predictions = learned.predictions(run.cfg, run.checkpoint)
