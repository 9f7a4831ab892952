"""The results in an output folder, by method."""

import functools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runs import layout, saved_config
from runs.layout import Place
from runs.protocols import DOMAINS, SHOTS, Method, Setting
from runs.results import TESTED, TRAINED, parse_run
from runs.yaml_file import read_yaml
from trainers.keys import own_keys

TRACES = {"log.txt", "console.txt", "config.yaml"}  # files of a run, finished or not
READ_AS = "INPUT.READ_AS"  # of the dataset, not of the method
COMPARED = ("MODEL.BACKBONE.", "INPUT.", "DATALOADER.TRAIN_X.", "OPTIM.", "REGULATION.")


@dataclass(frozen=True)
class Result:
    """A run's accuracy in percent; None until it is finished."""

    place: Place
    folder: Path  # relative to the output folder
    accuracy: float | None
    config: Path  # its configuration, which may be missing


def find(output: Path) -> list[Result]:
    """All runs in a folder of results, sorted by folder."""
    found = []
    for name, _, files in os.walk(output):
        folder = Path(name)
        relative = folder.relative_to(output)
        if TRACES & set(files) and (place := layout.read(relative)):
            trains = place.kind in ("train_base", "all_classes")
            log_of_training = trains and relative.parts[0] != "few_shot"
            result = parse_run(folder, TRAINED if log_of_training else TESTED)
            accuracy = result[1] if result else None
            found.append(Result(place, relative, accuracy, folder / saved_config.NAME))
    return sorted(found, key=lambda result: result.folder)


class Seeds(dict[int, float]):
    """Accuracies by seed."""

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.values())))

    @property
    def std(self) -> float:
        """Population standard deviation, as parse_test_res.py prints it."""
        return float(np.std(list(self.values())))


class Cells(dict[tuple[str, str], Seeds]):
    """The results of one method, by dataset and part."""

    @property
    def seeds(self) -> list[int]:
        """All seeds that some cell has."""
        return sorted({seed for values in self.values() for seed in values})

    def mean(self, dataset: str, part: str) -> float | None:
        """The mean over seeds; None where there is no result."""
        return self[dataset, part].mean if (dataset, part) in self else None

    def average(self, datasets: Iterable[str], part: str) -> float | None:
        """The average over datasets of the means; None where one is missing, or all are."""
        means = [self.mean(dataset, part) for dataset in datasets]
        there = [mean for mean in means if mean is not None]
        return float(np.mean(there)) if there and len(there) == len(means) else None


def by_method(results: Iterable[Result], protocol: str) -> dict[str, Cells]:
    """The accuracies of a protocol, by the method's label.

    Parts are `base` and `new`; for few-shot the shots; for transfers `source` and `target`.
    """
    methods: dict[str, Cells] = {}
    for result in results:
        part = _part(result.place, protocol)
        if result.accuracy is not None and part:
            cells = methods.setdefault(label(result, protocol), Cells())
            seeds = cells.setdefault((result.place.dataset, part), Seeds())
            seeds[result.place.seed or 0] = result.accuracy
    return methods


def label(result: Result, protocol: str) -> str:
    """The method's name, and in brackets what differs from the published settings.

    That is the method file, or else the changed keys.
    """
    place = result.place
    if not _is_published(place, protocol):
        return f"{place.trainer} ({place.config})"
    if not result.config.is_file():
        return place.trainer
    published = _configuration(_setting(place, protocol))
    mine = saved_config.flat(read_yaml(result.config))
    compared = (*COMPARED, *own_keys(place.trainer))
    changed = [
        f"{key} {mine[key]}"
        for key, value in published.items()
        if key.startswith(compared) and key != READ_AS and mine.get(key, value) != value
    ]
    return f"{place.trainer} ({', '.join(changed)})" if changed else place.trainer


def _setting(place: Place, protocol: str) -> Setting:
    return Method(place.trainer, "").setting(protocol, place.dataset, place.shots or SHOTS)


@functools.cache
def _configuration(setting: Setting) -> dict[str, Any]:
    """All keys of a published setting, with their values."""
    from runs.arguments import parse_args, setup_config

    words = ["--config-file", str(setting.file), *setting.pairs]
    return saved_config.plain(setup_config(parse_args(words)))


def _is_published(place: Place, protocol: str) -> bool:
    try:
        return place.config == _setting(place, protocol).file.stem
    except ValueError:  # the method has no published settings
        return False


def _part(place: Place, protocol: str) -> str:
    """Which part of a protocol a result is; empty if it is not part of it."""
    if protocol == "base2new":
        return {"train_base": "base", "test_base": "base", "test_new": "new"}.get(place.kind, "")
    return _few_shot_part(place) if protocol == "few-shot" else _transfer_part(place, protocol)


def _few_shot_part(place: Place) -> str:
    """The number of shots; zero-shot CLIP is 0 shots.

    A training on ImageNet with settings that are published for transfers only is not few-shot.
    """
    if place.kind == "zero_shot":
        return "" if place.dataset in DOMAINS else "0"
    for_transfers = (
        place.dataset == "imagenet"
        and _is_published(place, "cross-dataset")
        and not _is_published(place, "few-shot")
    )
    return str(place.shots or 0) if place.kind == "all_classes" and not for_transfers else ""


def _transfer_part(place: Place, protocol: str) -> str:
    """`source` for ImageNet, `target` for the protocol's other datasets.

    A training on ImageNet with settings that are published for few-shot only is not a source.
    """
    if place.kind in ("transfer", "zero_shot"):
        if place.dataset == "imagenet":
            return "source"
        return (
            "target" if (place.dataset in DOMAINS) == (protocol == "domain-generalization") else ""
        )
    for_few_shot = _is_published(place, "few-shot") and not _is_published(place, protocol)
    trained = (place.kind, place.dataset, place.shots) == ("all_classes", "imagenet", SHOTS)
    return "source" if trained and not for_few_shot else ""
