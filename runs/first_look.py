"""What the owner of photos asks of a training: what is in them, how good it is, what comes next."""

import os
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tabulate import tabulate
from torch import Tensor
from tqdm import tqdm

from promptsrc.clip.zeroshot import ensemble_features
from promptsrc.model import ZeroShotCLIP
from promptsrc.templates import DEFAULT
from runs import settings
from runs.folder import has_begun
from runs.results import interval

if TYPE_CHECKING:
    from yacs.config import CfgNode

MOST_CLASSES = 30  # that are listed


def before(trainer: Any, cfg: "CfgNode") -> int | None:
    """Print the classes, the backbone and zero-shot CLIP's accuracy on the test images.

    Returns:
        the number of test images that zero-shot CLIP gets right; None without test images.
    """
    trains = bool(trainer.get_model_names())
    print(f"\n{classes(trainer.dm.dataset, cfg, trains)}\n")
    print(f"CLIP: {cfg.MODEL.BACKBONE.NAME}{_bundled(cfg)}")
    loader, right = _test_loader(trainer, cfg), None
    if loader is None:
        reason = "TEST.NO_TEST is set" if trainer.dm.dataset.test else "No image is held back"
        print(f"{reason}, so nothing is tested")
    else:
        right = zero_shot(trainer, loader)
        when = ", before training" if trains else ""
        print(f"Zero-shot CLIP{when}: {accuracy(right, len(loader.dataset))}")
    if trains:
        print(f"{intention(Path(cfg.OUTPUT_DIR), cfg.TRAINER.NAME, trainer.max_epoch)}\n")
    return right


def after(trainer: Any, cfg: "CfgNode", zero_shot: int | None) -> None:
    """Print the accuracy on the test images beside zero-shot CLIP's, and the next commands."""
    true, predicted = trainer.evaluator._y_true, trainer.evaluator._y_pred
    trains = bool(trainer.get_model_names())
    if zero_shot is None:
        print(f"{cfg.TRAINER.NAME}: trained, not tested")
    elif trains:
        right = sum(a == b for a, b in zip(true, predicted, strict=True))
        print(
            f"{cfg.TRAINER.NAME}: {accuracy(right, len(true))}; "
            f"zero-shot CLIP: {100 * zero_shot / len(true):.1f}%"
        )
        if right <= zero_shot and right < len(true):
            print(
                "Training did not help on these images; more photos of each class may, or a "
                "backbone that knows such images (--backbone)"
            )
    print(next_commands(cfg.OUTPUT_DIR, trains))


def intention(run: Path, trainer: str, epochs: int) -> str:
    """What training will do in a run's folder: start, resume, or nothing any more."""
    if any(run.glob(f"*/model.pth.tar-{epochs}")):
        return f"{run} is trained already; it is tested again (delete it to train anew)"
    if has_begun(run):
        return f"Resuming {trainer} in {run}, up to epoch {epochs}"
    return f"Training {counted(epochs, 'epoch')} with {trainer}; each step is in {run / 'log.txt'}"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _are(number: int, what: str) -> str:
    return f"{number:,} {'is' if number == 1 else 'are'} {what}"


def classes(dataset: Any, cfg: "CfgNode", trains: bool) -> str:
    """Images by class and part, as a table, and what each part is for."""
    parts = {"train": dataset.train_x, "val": dataset.val or (), "test": dataset.test or ()}
    counts = {part: Counter(item.label for item in items) for part, items in parts.items() if items}
    purposes = {
        "train": "trained on" if trains else "not used, since nothing is trained",
        "val": "not used (TEST.FINAL_MODEL best_val chooses the epoch by them)",
        "test": "not used (TEST.SPLIT val)",
    }
    if trains and cfg.TEST.FINAL_MODEL == "best_val":
        purposes["val"] = "for choosing the best epoch"
    purposes[cfg.TEST.SPLIT] = "held back to test"
    uses = ", ".join(_are(len(parts[part]), purposes[part]) for part in counts)
    total = sum(map(len, parts.values()))
    rows = [
        [name, *(found[label] for found in counts.values())]
        for label, name in sorted(dataset.lab2cname.items())
    ]
    table = tabulate(rows[:MOST_CLASSES], ["class", *counts], tablefmt="plain")
    more = f"\n... and {len(rows) - MOST_CLASSES} more" if len(rows) > MOST_CLASSES else ""
    return f"{counted(total, 'image')} of {len(rows):,} classes: {uses}\n\n{table}{more}"


def _bundled(cfg: "CfgNode") -> str:
    if cfg.MODEL.BACKBONE.NAME != settings.BUNDLED:
        return ""
    return (
        " (bundled; it has mostly seen drawings: for photographs, add --backbone "
        f"{settings.STANDARD}, which is downloaded once)"
    )


def _test_loader(trainer: Any, cfg: "CfgNode") -> Any:
    """Of the part that is tested after the training; None if nothing is."""
    if cfg.TEST.NO_TEST:
        return None
    return trainer.val_loader if cfg.TEST.SPLIT == "val" else trainer.test_loader


@torch.no_grad()
def zero_shot(trainer: Any, loader: Any) -> int:
    """The number of images that CLIP without prompts gets right; draws no random numbers."""
    frozen = trainer.model.frozen
    features = ensemble_features(frozen.clip, trainer.dm.dataset.classnames, [DEFAULT])
    plain, right = ZeroShotCLIP(frozen, features), 0
    with torch.random.fork_rng(devices=[]):  # a loader draws a seed
        for batch in tqdm(loader, "zero-shot CLIP", leave=False, disable=None):
            images, labels = trainer.parse_batch_test(batch)
            right += _right(plain.classify(images), labels)
    return right


def _right(logits: Tensor, labels: Tensor) -> int:
    return int((logits.argmax(1) == labels).sum())


def accuracy(right: int, total: int) -> str:
    """`7 of 12 held-back images right, 58.3% (95% interval: 28% to 85%)`"""
    low, high = interval(right, total)
    return (
        f"{right} of {total} held-back images right, {100 * right / total:.1f}% "
        f"(95% interval: {low:.0f}% to {high:.0f}%)"
    )


def next_commands(run: str, has_prompts: bool) -> str:
    """What can be done with a run, as commands of the project's folder."""
    root = Path(__file__).resolve().parents[1]
    here = root == Path.cwd()
    python = shlex.quote(sys.orig_argv[0] if here else sys.executable)
    folder = shlex.quote(run if here else os.path.abspath(run))
    exported = shlex.quote(os.path.join(run if here else os.path.abspath(run), "classifier.onnx"))
    report = f"  {python} -m report {folder}"
    lines = [
        f"  {python} predict.py --model-dir {folder} IMAGE_OR_FOLDER",
        f"{report}    # which classes, which images: one page",
        f"  {python} -m promptsrc.export {folder} {exported}",
    ]
    place = "" if here else f" (in {root})"
    return "\n".join([f"\nNext{place}:", *(lines if has_prompts else [report])])
