"""The report of one run: how it was trained, what it gets right, what its vectors are near to."""

import base64
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from yacs.config import CfgNode

from datasets import OWN
from promptsrc.checkpoint import among
from promptsrc.clip.tokens import readable
from promptsrc.inference.reader import read_image
from promptsrc.templates import DATASETS, DEFAULT
from report.figures import over_epochs
from report.html import render
from report.predictions import Predictions, confusions
from report.run import Run
from report.svg import Plot, number
from report.tokens import Near
from runs import saved_config
from runs.results import interval
from trainers.keys import own_keys

MOST_CLASSES = 40  # shown: half of them with the largest gain, half with the largest loss
MOST_CONFUSIONS, MOST_IMAGES = 6, 4
THUMBNAIL = 96  # pixels
COUNTS = 0.01  # weight from which an epoch is said to count in the prompt average
NAMES = {
    "loss": "Loss",
    "loss_ce": "Cross-entropy",
    "xe_loss": "Cross-entropy",
    "kl_loss": "Agreement with zero-shot CLIP",
    "loss_kg": "Class features against CLIP",
    "loss_probe": "Probe",
    "loss_ce_rep": "Cross-entropy of the representation",
    "loss_reg_image": "Image features against CLIP",
    "loss_reg_text": "Class features against CLIP",
    "loss_scl_text": "Text against CLIP",
    "loss_scl_image": "Image against CLIP",
    "loss_scl_logits": "Logits against CLIP",
    "acc": "Accuracy in training, %",
}
ORDINALS = ("nearest", "2nd", "3rd", "4th", "5th")
CLASSES = {"all": "", "base": ", base classes", "new": ", new classes"}
SETTINGS = (
    "DATALOADER.TRAIN_X.BATCH_SIZE",
    "OPTIM.NAME",
    "OPTIM.LR",
    "OPTIM.LR_SCHEDULER",
    "OPTIM.WARMUP_EPOCH",
)


def run_report(run: Run) -> str:
    """One HTML file that needs no other."""
    found = run.predictions
    classes = class_rows(found) if found else []
    return render(
        "run.html",
        run=run,
        title=_title(run),
        origin=_origin(run),
        facts=list(_facts(run)),
        settings=_settings(run.cfg) if run.cfg is not None and run.trains else {},
        curves=list(_curves(run)),
        bars=_bars(run.weights),
        counted=spans([e for e, weight in enumerate(run.weights, 1) if weight >= COUNTS]),
        classes=classes,
        by_change=len({row.change for row in classes}) > 1,
        template=DATASETS.get(run.cfg.DATASET.NAME, DEFAULT) if run.cfg is not None else "",
        shown=MOST_CLASSES // 2 if len(classes) > MOST_CLASSES else len(classes),
        confusions=_confusions(found, run.read_as) if found else [],
        tokens=_token_table(run),
    )


def _title(run: Run) -> str:
    if run.cfg is None:
        return run.folder.name
    data = run.cfg.DATASET
    name = Path(data.ROOT, data.FOLDER).name if data.NAME in OWN else data.NAME
    return f"{run.cfg.TRAINER.NAME} on {name}{CLASSES[data.SUBSAMPLE_CLASSES]}"


def _origin(run: Run) -> str:
    if run.cfg is None:
        return f"{run.folder}: a log without {saved_config.NAME}"
    shots, seed = run.cfg.DATASET.NUM_SHOTS, run.cfg.SEED
    parts = [f"CLIP {run.cfg.MODEL.BACKBONE.NAME}"]
    if run.trained_on:
        images, classes = run.trained_on
        parts.append(f"{_count(images, 'training image')} of {classes:,} classes")
    if run.trains and shots > 0:
        parts.append(f"{_count(shots, 'shot')} a class")
    if seed >= 0:
        parts.append(f"seed {seed}")
    if run.date:
        parts.append(f"{run.date.day} {run.date:%B %Y}")
    if run.trained_in:
        parts.append(f"tested with the prompts of {run.trained_in}")
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


class _Fact(NamedTuple):
    """A headline value, its name, and what else there is to say of it."""

    value: str
    name: str
    more: str = ""


def _facts(run: Run) -> Iterator[_Fact]:
    found, history = run.predictions, run.history
    if found:
        trained_on = run.prompts.description.get("classnames") if run.prompts else None
        classes = among(trained_on, found.classnames)
        name = f"accuracy on {_count(len(found.labels), 'test image')}"
        yield _accuracy(found, found.of_run, f"{name}, {classes}" if classes else name)
    else:
        yield _Fact("–" if run.accuracy is None else f"{run.accuracy:.1f} %", "accuracy")
    if found and found.trained is not None:
        yield _accuracy(found, found.zero_shot, "zero-shot CLIP, same images")
    if history.lines:
        done, epochs = history.epochs_done, history.lines[-1].epochs
        of = "" if done == epochs else f" of {epochs}"
        yield _Fact(f"{done}{of}", "epoch" if epochs == 1 else "epochs")
        yield _Fact(duration(history.seconds), "of training")
    if run.prompts:
        yield _Fact(f"{run.prompts.parameters:,}", "learned parameters")


def _accuracy(found: Predictions, predicted: np.ndarray, name: str) -> _Fact:
    low, high = interval(int(found.right(predicted).sum()), len(found.labels))
    more = f"95 % interval: {low:.0f} to {high:.0f} %"
    return _Fact(f"{found.accuracy(predicted):.1f} %", name, more)


def duration(seconds: float) -> str:
    """Hours and minutes, or minutes and seconds: 1 min 15 s."""
    if seconds < 1:
        return f"{seconds:.1g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _settings(cfg: CfgNode) -> dict[str, Any]:
    """Keys of the method and of its optimizer, as one would set them."""
    values = saved_config.plain(cfg)
    own = own_keys(cfg.TRAINER.NAME)
    nodes = (*own, "REGULATION.") if cfg.REGULATION.ENABLED else own
    keys = [*(key for node in nodes for key in values if key.startswith(node)), *SETTINGS]
    return {key.removeprefix(own[0]): values[key] for key in keys if values[key] != ""}


class _Curve(NamedTuple):
    title: str
    key: str  # in the log
    last: str
    plot: Plot


def _curves(run: Run) -> Iterator[_Curve]:
    history = run.history
    if not history.lines:
        return
    epochs = history.lines[-1].epochs
    for name in history.names:
        means, top = history.means(name), 100 if name == "acc" else None
        plot = over_epochs(name, epochs, means, history.values(name), top)
        yield _Curve(NAMES.get(name, name), name, number(means[-1][1]), plot)
    if history.validation:
        points = [(float(epoch), value) for epoch, value in sorted(history.validation.items())]
        plot = over_epochs("accuracy on validation", epochs, points, top=100)
        yield _Curve("Validation accuracy, %", "val/accuracy", number(points[-1][1]), plot)
    first = history.lines[0]
    rates = [(first.epoch - 1.0, first.lr), *((line.at, line.lr) for line in history.lines)]
    plot = over_epochs("learning rate", epochs, rates, steps=True)
    yield _Curve("Learning rate", "lr", number(rates[-1][1]), plot)


class _Bar(NamedTuple):
    """An epoch in the prompt average."""

    title: str
    counts: bool
    value: str
    height: float  # in percent of the drawing
    label: str


def _bars(weights: Sequence[float]) -> list[_Bar]:
    every = next(n for n in (1, 2, 5, 10, 20, 50, 100, 1000) if len(weights) / n <= 10)
    return [
        _Bar(
            title=f"epoch {epoch}: {100 * weight:.3g} %",
            counts=weight >= COUNTS,
            value=f"{100 * weight:.0f}" if weight >= COUNTS and len(weights) <= 30 else "",
            height=86 * weight / max(weights),
            label=str(epoch) if epoch % every == 0 else "",
        )
        for epoch, weight in enumerate(weights, 1)
    ]


def spans(numbers: Sequence[int]) -> str:
    """1, 2, 3, 7 as `1–3, 7`."""
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    pairs = zip(starts, ends, strict=True)
    return ", ".join(f"{start}" if start == end else f"{start}–{end}" for start, end in pairs)


class ClassRow(NamedTuple):
    """The test images of one class, and how many of them the run and zero-shot CLIP get right."""

    name: str
    images: int
    right: int
    right_zero_shot: int

    @property
    def ours(self) -> float:
        """Accuracy in percent."""
        return 100 * self.right / self.images

    @property
    def zero_shot(self) -> float:
        """Accuracy in percent."""
        return 100 * self.right_zero_shot / self.images

    @property
    def change(self) -> float:
        """In percent; one division, so that equal changes are equal."""
        return 100 * (self.right - self.right_zero_shot) / self.images

    @property
    def interval(self) -> tuple[float, float]:
        """Of the run's accuracy, 95 %, in percent."""
        return interval(self.right, self.images)

    @property
    def signed_change(self) -> str:
        return f"{self.change:+.0f}".replace("-", "−") if round(self.change) else "0"


def class_rows(found: Predictions) -> list[ClassRow]:
    """The classes with test images, largest gain first, then highest accuracy."""
    counts = (found.totals, found.right(found.of_run), found.right(found.zero_shot))
    of_classes = zip(found.classnames, *(array.tolist() for array in counts), strict=True)
    rows = [ClassRow(readable(name), *values) for name, *values in of_classes if values[0]]
    return sorted(rows, key=lambda row: (row.change, row.ours), reverse=True)


class _Card(NamedTuple):
    """A confusion with some of its images, (file name, JPEG in base64)."""

    true: str
    predicted: str
    said: str
    images: list[tuple[str, str]]


def _confusions(found: Predictions, read_as: str) -> list[_Card]:
    cards = []
    for confusion in confusions(found)[:MOST_CONFUSIONS]:
        of_class, predicted = found.labels == confusion.true, confusion.predicted
        said = f"{len(confusion.images)} of {np.sum(of_class)}"
        if found.trained is not None:
            said += f"; zero-shot CLIP: {np.sum(of_class & (found.zero_shot == predicted))}"
        paths = [Path(found.paths[i]) for i in confusion.images[:MOST_IMAGES]]
        true_name, predicted_name = (
            readable(found.classnames[label]) for label in (confusion.true, predicted)
        )
        images = [(path.name, _thumbnail(path, read_as)) for path in paths]
        cards.append(_Card(true_name, predicted_name, said, images))
    return cards


def _thumbnail(path: Path, read_as: str) -> str:
    image, out = read_image(path, read_as), io.BytesIO()
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    image.save(out, "JPEG", quality=82)
    return base64.b64encode(out.getvalue()).decode()


class _TokenTable(NamedTuple):
    header: list[str]
    rows: list[tuple[str, list[Near]]]


def _token_table(run: Run) -> _TokenTable | None:
    """The nearest tokens of each vector; with a context per class the nearest one, by class."""
    if not run.tokens:
        return None
    first, *others = run.tokens
    if not others:
        rows = [(str(i), tokens) for i, tokens in enumerate(first, 1)]
        return _TokenTable(["vector", *ORDINALS[: len(first[0])]], rows)
    trained = run.prompts.description.get("classnames") if run.prompts else None
    names = trained or [f"class {i}" for i in range(1, len(run.tokens) + 1)]
    header = ["class", *(f"vector {n}" for n in range(1, len(first) + 1))]
    contexts = zip(names, run.tokens, strict=True)
    nearest = [(readable(name), [near for (near,) in tokens]) for name, tokens in contexts]
    return _TokenTable(header, nearest)
