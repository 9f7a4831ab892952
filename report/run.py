"""What the folder of one run tells: its configuration, log, checkpoint, tokens and predictions."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor
from yacs.config import CfgNode

import runs.folder as run_folder
from promptsrc.checkpoint import description_of, learned_tensors, read_checkpoint
from promptsrc.clip.frozen import load_clip
from promptsrc.command import one_line
from report.predictions import Predictions, checkpoint_file, predictions
from report.tokens import Near, median_distance, nearest_tokens, text_vectors
from runs import log
from runs.config import default_config, merge_file
from runs.log import History
from runs.results import TESTED, parse_run


@dataclass
class Run:
    """What is known of a run; `missing` has the reason for each part that could not be read."""

    folder: Path
    cfg: CfgNode | None
    history: History
    accuracy: float | None  # in percent, from the log
    trained_in: Path | None = None  # for a test: the folder of the training
    checkpoint: Path | None = None
    epoch: int | None = None  # of the checkpoint
    state: dict[str, Tensor] = field(default_factory=dict)  # of the checkpoint
    weights: list[float] = field(default_factory=list)  # of each epoch in the prompt average
    trained_classes: list[str] = field(default_factory=list)  # as the checkpoint says
    tokens: list[list[list[Near]]] = field(default_factory=list)  # by context and vector
    token_distance: float = math.nan  # between two tokens, the median
    predictions: Predictions | None = None
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """How many were learned; files of other implementations also hold the frozen CLIP."""
        learned = learned_tensors(self.state) or self.state
        return sum(tensor.numel() for tensor in learned.values())

    @property
    def trains(self) -> bool:
        """Whether the method has something to train."""
        return self.cfg is None or not self.cfg.TRAINER.NAME.startswith("ZeroshotCLIP")


def read_run(folder: Path, root: str = "") -> Run:
    """All that can be known of a run.

    Args:
        root: folder of the datasets, instead of the run's DATASET.ROOT.

    Raises:
        ValueError: its `config.yaml` is damaged.
    """
    result = parse_run(folder, TESTED)
    run = Run(folder, _config(folder, root), log.read(folder), result[1] if result else None)
    readers = {
        "prompt average": _read_checkpoint,
        "nearest tokens": _read_tokens,
        "accuracy by class": _read_predictions,
    }
    if run.cfg is None:
        reason = f"{folder} has no {run_folder.NAME}, which names the method and the data"
        run.missing = dict.fromkeys(readers, reason)
        return run
    if not run.history.lines and run.cfg.MODEL_DIR:
        run.trained_in = Path(run.cfg.MODEL_DIR)
        run.history = log.read(run.trained_in)
    for part, read in readers.items():
        try:
            read(run, run.cfg)
        except (ValueError, OSError, KeyError) as error:
            run.missing[part] = one_line(error)
    return run


def _config(folder: Path, root: str) -> CfgNode | None:
    file = folder / run_folder.NAME
    if not file.is_file():
        return None
    cfg = default_config()
    merge_file(cfg, str(file))
    cfg.DATASET.ROOT = root or cfg.DATASET.ROOT
    return cfg


def _read_checkpoint(run: Run, cfg: CfgNode) -> None:
    if not run.trains:
        return
    run.checkpoint = checkpoint_file(run.folder, cfg)
    found = read_checkpoint(run.checkpoint)
    run.state, run.epoch = found["state_dict"], found["epoch"]
    run.weights = found.get("trainer_state", {}).get("regulation", {}).get("weights", [])
    run.trained_classes = (description_of(found) or {}).get("classnames", [])


def _read_tokens(run: Run, cfg: CfgNode) -> None:
    vectors = text_vectors(run.state)
    if vectors is not None:
        clip = load_clip(cfg.MODEL.BACKBONE.NAME, cache=cfg.MODEL.BACKBONE.CACHE)
        embedding = clip.token_embedding.weight
        n, count = vectors.shape[-2], 5 if vectors.ndim == 2 else 1
        tokens = nearest_tokens(vectors.flatten(0, -2), embedding, count)
        run.tokens = [tokens[i : i + n] for i in range(0, len(tokens), n)]
        run.token_distance = median_distance(embedding)


def _read_predictions(run: Run, cfg: CfgNode) -> None:
    run.predictions = predictions(cfg, run.checkpoint)
