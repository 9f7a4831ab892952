"""The results in an output folder, by method."""

import functools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import runs.folder as run_folder
from runs import layout
from runs.layout import Place
from runs.protocols import DOMAINS, SHOTS, Method, Setting
from runs.results import TESTED, TRAINED, parse_run
from runs.yaml_file import read_settings

TRACES = {"log.txt", "console.txt", "config.yaml"}  # of a run, finished or not
SETTINGS = (
    "MODEL.BACKBONE.",
    "INPUT.",
    "DATALOADER.TRAIN_X.",
    "OPTIM.",
    "REGULATION.",
)  # keys of a method file, and its node


@dataclass(frozen=True)
class Result:
    """A run's accuracy in percent; None as long as it is not finished."""

    place: Place
    folder: Path  # below the output folder
    accuracy: float | None
    config: Path  # what it was run with, where the run has left it


def find(output: Path) -> list[Result]:
    """All runs below a folder, sorted by folder."""
    found = []
    for folder, _, files in os.walk(output):
        path = Path(folder).relative_to(output)
        if TRACES & set(files) and (place := layout.read(path)):
            tests = place.kind not in ("train_base", "all_classes") or path.parts[0] == "few_shot"
            result = parse_run(Path(folder), TESTED if tests else TRAINED)
            found.append(Result(place, path, result and result[1], Path(folder) / run_folder.NAME))
    return sorted(found, key=lambda result: result.folder)


def label(result: Result, benchmark: str) -> str:
    """The method's name; behind it what is not as published: the method file, or the keys that were set otherwise."""
    place = result.place
    if not _is_published(place, benchmark):
        return f"{place.trainer} ({place.config})"
    if not result.config.is_file():
        return place.trainer
    setting = Method(place.trainer, "").setting(benchmark, place.dataset, place.shots or SHOTS)
    there = run_folder.flat(read_settings(result.config))
    changed = [
        f"{key} {there[key]}"
        for key, value in _published(setting).items()
        if key.startswith((*SETTINGS, f"TRAINER.{place.trainer.upper()}."))
        and there.get(key, value) != value
    ]
    return f"{place.trainer} ({', '.join(changed)})" if changed else place.trainer


@functools.cache
def _published(setting: Setting) -> dict[str, Any]:
    """The whole configuration of a published setting."""
    from runs.arguments import parse_args, setup_config  # imports PyTorch

    return run_folder.plain(
        setup_config(parse_args(["--config-file", str(setting.file), *setting.pairs]))
    )


def _is_published(place: Place, benchmark: str) -> bool:
    try:
        return (
            place.config
            == Method(place.trainer, "")
            .setting(benchmark, place.dataset, place.shots or SHOTS)
            .file.stem
        )
    except ValueError:  # a method of somebody else
        return False


class Seeds(dict[int, float]):
    """Accuracies by seed."""

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.values())))

    @property
    def std(self) -> float:
        """Population standard deviation, as this field's parser has it."""
        return float(np.std(list(self.values())))


Cells = dict[tuple[str, str], Seeds]  # by dataset and part


def by_method(results: Iterable[Result], benchmark: str) -> dict[str, Cells]:
    """The accuracies of a benchmark, by the method's label.

    Parts are `base` and `new`; of few-shot the number of shots; of the transfers `source` and `target`.
    """
    methods: dict[str, Cells] = {}
    done = [result for result in results if result.accuracy is not None]
    for result in done:
        if part := _part(result.place, benchmark):
            cells = methods.setdefault(label(result, benchmark), {})
            cells.setdefault((result.place.dataset, part), Seeds())[result.place.seed or 0] = (
                result.accuracy
            )
    return methods


def _part(place: Place, benchmark: str) -> str:
    """Which number of a benchmark a result is; empty if it is none.

    Zero-shot CLIP is 0 shots of few-shot, and a transfer. A training on ImageNet with 16 shots is both, unless its settings
    are those of one of the two.
    """
    zero = place.kind == "zero_shot"
    if benchmark == "base2new":
        return {"train_base": "base", "test_base": "base", "test_new": "new"}.get(place.kind, "")
    if benchmark == "few-shot":
        of_transfer = place.dataset == "imagenet" and _is_published(place, "cross-dataset")
        own = place.kind == "all_classes" and (not of_transfer or _is_published(place, "few-shot"))
        return str(place.shots or 0) if own or (zero and place.dataset not in DOMAINS) else ""
    if place.kind == "transfer" or zero:
        reached = (
            place.dataset in DOMAINS
            if benchmark == "domain-generalization"
            else place.dataset not in DOMAINS
        )
        return "source" if place.dataset == "imagenet" else "target" if reached else ""
    of_few_shot = _is_published(place, "few-shot") and not _is_published(place, benchmark)
    return (
        "source"
        if (place.kind, place.dataset, place.shots) == ("all_classes", "imagenet", 16)
        and not of_few_shot
        else ""
    )
