"""What the folder of one run tells: its configuration, log, checkpoint, tokens and predictions."""

import datetime
import math
from dataclasses import dataclass, field
from pathlib import Path

from yacs.config import CfgNode

from promptsrc.checkpoint import description_of, read_checkpoint
from promptsrc.clip.frozen import load_clip
from promptsrc.command import one_line
from promptsrc.inference.prompt_file import PromptFile, read_foreign_checkpoint
from report.predictions import Predictions, checkpoint_file, predictions
from report.tokens import Near, median_distance, nearest_tokens, text_vectors
from runs import items, layout, log, saved_config
from runs.config import config_of_run
from runs.log import History
from runs.results import TESTED, parse_run


@dataclass
class Run:
    """What is known of a run; `missing` has the reason for each part that could not be read."""

    folder: Path
    cfg: CfgNode | None
    history: History
    accuracy: float | None  # in percent, from the log
    date: datetime.date | None = None  # of its newest log
    trained_in: Path | None = None  # for a test: the folder of the training
    trained_on: tuple[int, int] | None = None  # numbers of training images and of their classes
    checkpoint: Path | None = None
    epoch: int | None = None  # of the checkpoint
    prompts: PromptFile | None = None  # of the checkpoint
    weights: list[float] = field(default_factory=list)  # of each epoch in the prompt average
    tokens: list[list[list[Near]]] = field(default_factory=list)  # by context and vector
    token_distance: float = math.nan  # between two tokens, the median
    predictions: Predictions | None = None
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def trains(self) -> bool:
        """Whether the method has something to train."""
        return self.cfg is None or not layout.is_zero_shot(self.cfg.TRAINER.NAME)

    @property
    def read_as(self) -> str:
        """How its images are read, see `promptsrc.inference.reader`."""
        return (self.cfg.INPUT.get("READ_AS") if self.cfg is not None else "") or "stored"


def read_run(folder: Path, root: str = "") -> Run:
    """All that can be known of a run.

    Args:
        root: folder of the datasets, instead of the run's DATASET.ROOT.

    Raises:
        ValueError: its `config.yaml` is damaged.
    """
    result = parse_run(folder, TESTED)
    run = Run(
        folder,
        config_of_run(folder, root) if (folder / saved_config.NAME).is_file() else None,
        log.read(folder),
        accuracy=result[1] if result else None,
        date=_date(folder),
    )
    readers = {
        "training images": _read_items,
        "prompt average": _read_checkpoint,
        "nearest tokens": _read_tokens,
        "accuracy by class": _read_predictions,
    }
    if run.cfg is None:
        reason = f"{folder} has no {saved_config.NAME}, which names the method and the data"
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


def _date(folder: Path) -> datetime.date | None:
    times = [file.stat().st_mtime for file in folder.glob("log.txt*")]
    return datetime.datetime.fromtimestamp(max(times)).date() if times else None


def _read_items(run: Run, cfg: CfgNode) -> None:
    file = (run.trained_in or run.folder) / items.NAME
    if run.trains and file.is_file():  # logs of other implementations have none
        found = items.read(file)
        run.trained_on = found["images"]["training"], len(found["classes"])


def _read_checkpoint(run: Run, cfg: CfgNode) -> None:
    if not run.trains:
        return
    run.checkpoint = checkpoint_file(run.folder, cfg)
    found = read_checkpoint(run.checkpoint)
    run.epoch = found["epoch"]
    run.weights = found.get("trainer_state", {}).get("regulation", {}).get("weights", [])
    about = description_of(found)
    run.prompts = (
        PromptFile(about, found["state_dict"])
        if about
        else read_foreign_checkpoint(run.checkpoint, cfg.MODEL.BACKBONE.NAME, ctx_init="")
    )


def _read_tokens(run: Run, cfg: CfgNode) -> None:
    if run.prompts is None:
        return
    clip = load_clip(cfg.MODEL.BACKBONE.NAME, cache=cfg.MODEL.BACKBONE.CACHE)
    embedding = clip.token_embedding.weight
    vectors = text_vectors(run.prompts, clip)
    if vectors is not None:
        n, count = vectors.shape[-2], 5 if vectors.ndim == 2 else 1
        tokens = nearest_tokens(vectors.flatten(0, -2), embedding, count)
        run.tokens = [tokens[i : i + n] for i in range(0, len(tokens), n)]
        run.token_distance = median_distance(embedding)


def _read_predictions(run: Run, cfg: CfgNode) -> None:
    run.predictions = predictions(cfg, run.checkpoint)
