"""What can be said of a run without PyTorch, whose import takes seconds: names and folders."""

import argparse
import difflib
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.places import check_folder
from promptsrc.run_folder import files_in
from promptsrc.weights.names import check_backbone
from runs.layout import is_zero_shot
from runs.settings import STANDARD, fitting
from trainers.keys import learns

if TYPE_CHECKING:
    from yacs.config import CfgNode

REGISTERED = re.compile(r"^@\w*REGISTRY\.register\(.*\)\s+class (\w+)", re.M)


def check(cfg: "CfgNode", args: argparse.Namespace) -> None:
    """
    Raises:
        ValueError: an unknown trainer, dataset or backbone, or no backbone, or no run to test.
        FileNotFoundError: the folder of the images, or of the run to test, is not there.
    """
    _check_registered(cfg.TRAINER.NAME, "trainers", "dassl/engine")
    _check_registered(cfg.DATASET.NAME, "datasets", "dassl/data/datasets")
    shipped = learns(cfg.TRAINER.NAME) or is_zero_shot(cfg.TRAINER.NAME)
    if shipped and cfg.MODEL.BACKBONE.NAME:
        check_backbone(cfg.MODEL.BACKBONE.NAME)
    elif shipped:
        raise ValueError(
            f"no backbone is named; add --backbone {STANDARD}, "
            f"or --config-file {fitting(cfg.TRAINER.NAME, STANDARD)}"
        )
    check_folder(cfg)
    if args.eval_only and learns(cfg.TRAINER.NAME) and not cfg.MODEL_DIR:
        raise ValueError(
            f"--eval-only tests a trained {cfg.TRAINER.NAME}; name its run with --model-dir"
        )
    run = Path(cfg.MODEL_DIR)
    is_empty = learns(cfg.TRAINER.NAME) and not files_in(run)
    if args.eval_only and cfg.MODEL_DIR and (is_empty or not run.is_dir()):
        raise FileNotFoundError(
            f"{cfg.MODEL_DIR} has no checkpoint; is it the folder of one run (--model-dir)?"
        )


def _check_registered(name: str, *folders: str) -> None:
    """A name that no file of ours or of Dassl mentions is not registered."""
    sources = (text for folder in folders for text in _sources(folder))
    if name and any(re.search(rf"\b{re.escape(name)}\b", text) for text in sources):
        return
    names = registered(folders[0])
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.3)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise ValueError(f"{name!r} is not available; choose one of {', '.join(names)}{hint}")


def registered(folder: str) -> list[str]:
    """Names of the classes that the files of a package register with Dassl."""
    return sorted(name for text in _sources(folder) for name in REGISTERED.findall(text))


def _sources(folder: str) -> Iterator[str]:
    """The texts of all modules in the folder of a package, none of which is imported."""
    package, *below = folder.split("/")
    spec = find_spec(package)
    for place in (spec and spec.submodule_search_locations) or ():
        for file in sorted(Path(place, *below).rglob("*.py")):
            yield file.read_text(encoding="utf-8")
