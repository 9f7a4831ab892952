"""Methods over seeds on the embedded datasets, the seeds of a method on a dataset as a pack."""

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs import layout
from runs.embedded import DATA, DATASETS
from runs.job import Job
from runs.protocols import SHOTS, Method, base2new, base2new_test, why_without
from runs.settings import BUNDLED, fitting
from sweep import local
from sweep.__main__ import environments

AVERAGE = "average"  # over DATASETS, of base and of new accuracies; HM is that of these
PARTS = ("base", "new", "hm")

Runs = dict[str, list[Job]]  # by dataset: a job of each seed


def planned(trainer: str, seeds: Iterable[int], output: Path, pairs: Sequence[str] = ()) -> Runs:
    """The trainings on the base classes, each with its test on base and new classes."""
    method = Method(trainer, str(DATA), output, fitting(trainer, BUNDLED), pairs=tuple(pairs))
    train = _base_alone if why_without("base2new", trainer) else _base2new
    return {dataset: [train(method, dataset, seed) for seed in seeds] for dataset in DATASETS}


def _base2new(method: Method, dataset: str, seed: int) -> Job:
    return base2new(method, dataset, seed)[0]  # its results.json has the new classes, too


def _base_alone(method: Method, dataset: str, seed: int) -> Job:
    """The training on the base classes of a method that has no answer on other classes."""
    setting = method.setting("few-shot", dataset)
    folder = layout.base2new(
        "train_base", dataset, method.trainer, setting.file.stem, SHOTS, seed, method.weight
    )
    data = ("DATASET.NUM_SHOTS", str(SHOTS), "DATASET.SUBSAMPLE_CLASSES", "base")
    return method.train(folder, setting, dataset, seed, *data)


def on_val(trainer: str, runs: Runs, output: Path, pairs: Sequence[str] = ()) -> Runs:
    """Tests of the trained prompts on validation images."""
    pairs, folder = (*pairs, "TEST.SPLIT", "val"), output / "val"
    method = Method(trainer, str(DATA), folder, fitting(trainer, BUNDLED), pairs=pairs)
    return {
        dataset: [base2new_test(method, dataset, job.args.seed, "base", job) for job in jobs]
        for dataset, jobs in runs.items()
    }


def run(studies: Collection[Runs], workers: int) -> None:
    """Run what is not finished.

    Raises:
        SystemExit: some runs failed, and have printed why.
    """
    jobs = [job for runs in studies for each in runs.values() for job in each]
    todo = [job for job in jobs if not job.is_finished()]
    most = max(len(each) for runs in studies for each in runs.values())
    if failed := local.run(todo, environments(workers), most=most):
        raise SystemExit(f"{len(failed)} runs failed")


def measured(trainers: Sequence[str], seeds: Sequence[int], output: Path) -> list[dict[str, Any]]:
    """Run the methods; their rows.

    Raises:
        SystemExit: some runs failed, and have printed why.
    """
    studies = {trainer: planned(trainer, seeds, output) for trainer in trainers}
    run(studies.values(), workers=2)
    return [row(trainer, runs) for trainer, runs in studies.items()]


def accuracies(runs: Runs) -> NDArray[np.float64]:
    """Percent, (seeds, datasets and AVERAGE, PARTS); nan where a method has no answer."""
    found = [[_base_and_new(job) for job in jobs] for jobs in runs.values()]
    values = np.array(found, dtype=float).swapaxes(0, 1)  # (S, D, 2)
    values = np.concatenate([values, values.mean(1, keepdims=True)], 1)
    base, new = values[..., 0], values[..., 1]
    return np.stack([base, new, 2 * base * new / (base + new)], -1)


def _base_and_new(job: Job) -> list[float | None]:
    tests = _results(job)["tests"]
    return [tests[half]["accuracy"] if half in tests else None for half in ("base", "new")]


def _results(job: Job) -> dict[str, Any]:
    return json.loads((job.folder / "results.json").read_text(encoding="utf-8"))


def row(trainer: str, runs: Runs) -> dict[str, Any]:
    """What tables and figures show of a method."""
    values, names = accuracies(runs), (*runs, AVERAGE)
    found = [_results(job) for jobs in runs.values() for job in jobs]
    costs = [each["cost"] for each in found]
    taken = [cost[f"{phase}_seconds"] for cost in costs for phase in ("train", "test")]
    peaks = [cost[f"{phase}_peak_gib"] for cost in costs for phase in ("train", "test")]
    return {
        "method": trainer,
        "means": _by_dataset(names, values.mean(0)),
        "spreads": _by_dataset(names, values.std(0, ddof=1).round(9)) if len(values) > 1 else None,
        "parameters": costs[0]["parameters"],
        "seconds": sum(filter(None, taken)),
        "memory": max(filter(None, peaks), default=None),
        "knowledge": found[0]["test_time_knowledge"],
    }


def _by_dataset(names: Sequence[str], values: NDArray[np.float64]) -> dict[str, dict[str, Any]]:
    """(D, 3) -> numbers by dataset and part; None for nan, which JSON does not have."""
    cells = [[None if np.isnan(v) else float(v) for v in parts] for parts in values]
    return {
        name: dict(zip(PARTS, parts, strict=True)) for name, parts in zip(names, cells, strict=True)
    }
