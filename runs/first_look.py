"""What the owner of photos asks of a training: what is in them, how good it is, what comes next."""

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
from runs.results import interval

if TYPE_CHECKING:
    from yacs.config import CfgNode

MOST_CLASSES = 30  # that are listed


def before(trainer: Any, cfg: "CfgNode") -> int | None:
    """Print the classes, the backbone and zero-shot CLIP's accuracy on the test images.

    Returns:
        the number of test images that zero-shot CLIP gets right; None without test images.
    """
    print(f"\n{classes(trainer.dm.dataset)}\n")
    print(f"CLIP: {cfg.MODEL.BACKBONE.NAME}{_bundled(cfg)}")
    loader, right = _test_loader(trainer, cfg), None
    if loader is None:
        print("No image is held back, so nothing is tested")
    else:
        right = zero_shot(trainer, loader)
        print(f"Zero-shot CLIP, before training: {accuracy(right, len(loader.dataset))}")
    if trainer.get_model_names():
        print(
            f"Training {trainer.max_epoch} epochs with {cfg.TRAINER.NAME}; "
            f"each step is in {Path(cfg.OUTPUT_DIR) / 'log.txt'}\n"
        )
    return right


def after(trainer: Any, cfg: "CfgNode", zero_shot: int | None) -> None:
    """Print the accuracy on the test images beside zero-shot CLIP's, and the next commands."""
    true, predicted = trainer.evaluator._y_true, trainer.evaluator._y_pred
    if trainer.get_model_names() and zero_shot is not None and true:
        right = sum(a == b for a, b in zip(true, predicted, strict=True))
        print(
            f"{cfg.TRAINER.NAME}: {accuracy(right, len(true))}; "
            f"zero-shot CLIP: {100 * zero_shot / len(true):.1f}%"
        )
        if right < zero_shot:
            print(
                "Training did not help on these images; more photos of each class may, or a "
                "backbone that knows such images (--backbone)"
            )
    print(next_commands(cfg.OUTPUT_DIR, bool(trainer.get_model_names())))


def classes(dataset: Any) -> str:
    """Images by class and part, as a table."""
    parts = {"train": dataset.train_x, "val": dataset.val or (), "test": dataset.test or ()}
    counts = {part: Counter(item.label for item in items) for part, items in parts.items() if items}
    total = sum(map(len, parts.values()))
    held_back = f"{len(parts['test'])} are held back to test"
    used = f"{len(parts['train'])} are trained on"
    chosen = f", {len(parts['val'])} choose the best epoch" if parts["val"] else ""
    rows = [
        [name, *(found[label] for found in counts.values())]
        for label, name in sorted(dataset.lab2cname.items())
    ]
    table = tabulate(rows[:MOST_CLASSES], ["class", *counts], tablefmt="plain")
    more = f"\n... and {len(rows) - MOST_CLASSES} more" if len(rows) > MOST_CLASSES else ""
    return f"{total} images of {len(rows)} classes: {used}{chosen}, {held_back}\n\n{table}{more}"


def _bundled(cfg: "CfgNode") -> str:
    if cfg.MODEL.BACKBONE.NAME != settings.BUNDLED:
        return ""
    return (
        f" (bundled; it has only seen drawings: for photographs, add --backbone {settings.STANDARD}"
        ", which is downloaded once)"
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
    folder = shlex.quote(run if here else str(Path(run).resolve()))
    report = f"  {python} -m report {folder}"
    lines = [
        f"  {python} predict.py --model-dir {folder} IMAGE_OR_FOLDER",
        f"{report}    # which classes, which images: one page",
        f"  {python} -m promptsrc.export {folder} {folder}/classifier.onnx",
    ]
    place = "" if here else f" (in {root})"
    return "\n".join([f"\nNext{place}:", *(lines if has_prompts else [report])])
