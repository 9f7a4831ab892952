"""The results in an output folder, by method."""

import functools
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from report import scores
from report.scores import Scores
from report.settings import FIXED, compared, is_fixed, shipped
from runs import layout, saved_config
from runs.layout import Place
from runs.protocols import DATASETS, DOMAINS, SHOTS
from runs.results import TESTED, TRAINED, parse_run
from runs.yaml_file import read_yaml

TRACES = {"log.txt", "console.txt", "config.yaml"}  # files of a run, finished or not


@dataclass(frozen=True)
class Result:
    """A run's accuracy in percent; None until it is finished."""

    place: Place
    folder: Path  # relative to the output folder
    accuracy: float | None
    config: Path  # its configuration, which may be missing
    scores: Scores | None = None  # of its results.json, if it has one that can be read
    unread: str = ""  # why it cannot be read

    @functools.cached_property
    def settings(self) -> dict[str, Any]:
        """Its configuration, dotted key: value; empty if it is missing."""
        return saved_config.flat(read_yaml(self.config)) if self.config.is_file() else {}


def find(output: Path) -> list[Result]:
    """All runs in a folder of results, sorted by folder."""
    found = []
    for name, _, files in os.walk(output):
        folder = Path(name)
        relative = folder.relative_to(output)
        if TRACES & set(files) and (place := layout.read(relative)):
            found.append(_result(folder, relative, place))
    return sorted(found, key=lambda result: result.folder)


def _result(folder: Path, relative: Path, place: Place) -> Result:
    trains = place.kind in ("train_base", "all_classes")
    log_of_training = trains and relative.parts[0] != "few_shot"
    result = parse_run(folder, TRAINED if log_of_training else TESTED)
    accuracy, config = result[1] if result else None, folder / saved_config.NAME
    try:
        return Result(place, relative, accuracy, config, scores.read(folder))
    except ValueError as error:
        return Result(place, relative, accuracy, config, unread=str(error))


class Seeds(dict[int, float]):
    """Values by seed."""

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.values())))

    @property
    def median(self) -> float:
        return float(np.median(list(self.values())))

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

    def by_seed(self, datasets: Iterable[str], part: str) -> Seeds:
        """The average over datasets for each seed that has all of them."""
        found = [self.get((dataset, part), Seeds()) for dataset in datasets]
        complete = set.intersection(*map(set, found)) if found else set()
        return Seeds({s: float(np.mean([seeds[s] for seeds in found])) for s in sorted(complete)})

    def medians(self) -> "Cells":
        """The median over seeds in place of each seed's value."""
        return Cells({key: Seeds({0: seeds.median}) for key, seeds in self.items()})


def expected(cells: Collection[tuple[str, str]], protocol: str) -> list[str]:
    """All datasets of the protocol if there is one of them, then the others that are there."""
    there, published = {name for name, _ in cells}, DATASETS[protocol]
    return [*(published if there & set(published) else ()), *sorted(there - set(published))]


def both_halves(cells: Cells, names: Iterable[str]) -> list[str]:
    """The datasets with results on base and on new classes."""
    return [name for name in names if (name, "base") in cells and (name, "new") in cells]


def by_label(results: Iterable[Result], protocol: str) -> dict[str, list[Result]]:
    """The finished runs of a protocol, by the method's label."""
    found: dict[str, list[Result]] = {}
    for result in results:
        if result.accuracy is not None and part_of(result.place, protocol):
            found.setdefault(label(result, protocol), []).append(result)
    return found


def cells_of(runs: Iterable[Result], values: Callable[[Result], Mapping[str, float]]) -> Cells:
    """What some runs say, by dataset.

    Args:
        values: of a run, by part.
    """
    found = Cells()
    for run in runs:
        for part, value in values(run).items():
            seeds = found.setdefault((run.place.dataset, part), Seeds())
            seeds[run.place.seed or 0] = value
    return found


def by_method(results: Iterable[Result], protocol: str) -> dict[str, Cells]:
    """The accuracies of a protocol, by the method's label.

    Parts are `base` and `new`; for few-shot the shots; for transfers `source` and `target`. A
    training on the base classes has tested the new ones, too; a test of its own comes first.
    """

    def accuracies(run: Result) -> dict[str, float]:
        return _new_classes(run) | {part_of(run.place, protocol): run.accuracy or 0.0}

    def trainings_first(run: Result) -> bool:
        return run.place.kind != "train_base"

    return {
        name: cells_of(sorted(runs, key=trainings_first), accuracies)
        for name, runs in by_label(results, protocol).items()
    }


def _new_classes(run: Result) -> dict[str, float]:
    """The accuracy on new classes in the scores of a training on base classes, as a log has it."""
    tested = run.scores.tests.get("new") if run.scores else None
    if run.place.kind != "train_base" or tested is None or tested.accuracy is None:
        return {}
    return {"new": round(tested.accuracy, 1)}


def label(result: Result, protocol: str) -> str:
    """The method's name, and in brackets what differs from the published settings.

    That is the method file, or else the changed keys; the shots of base-to-new, if they are not 16;
    and what its folder says of other keys. The shipped setting that is one for all datasets is
    called `fixed setting`.
    """
    place, values = result.place, dict(result.place.values)
    setting = shipped(place, protocol)
    if setting is None:
        differs = [place.config]
    else:
        differs = [FIXED] if is_fixed(setting, place.trainer, protocol) else []
        if mine := result.settings:
            keys = compared(place.trainer, setting)
            differs += [
                f"{k} {mine[k]}" for k, value in keys.items() if mine.get(k, value) != value
            ]
            values = {key: value for key, value in values.items() if key not in keys}
    differs += [f"{place.shots} shots"] if _has_other_shots(place, protocol) else []
    differs += [f"{key} {value}" for key, value in values.items()]
    return f"{place.trainer} ({', '.join(differs)})" if differs else place.trainer


def _has_other_shots(place: Place, protocol: str) -> bool:
    chosen = protocol == "base2new" and not layout.is_zero_shot(place.trainer)
    return chosen and place.shots != SHOTS


def part_of(place: Place, protocol: str) -> str:
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
        and shipped(place, "cross-dataset")
        and not shipped(place, "few-shot")
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
    for_few_shot = shipped(place, "few-shot") and not shipped(place, protocol)
    trained = (place.kind, place.dataset, place.shots) == ("all_classes", "imagenet", SHOTS)
    return "source" if trained and not for_few_shot else ""
