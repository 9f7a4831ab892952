"""Methods over several seeds on the embedded dataset, the seeds of a method as a pack."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs import layout
from runs.embedded import jobs
from runs.job import Job
from runs.results import TESTED, harmonic_mean
from sweep import local
from sweep.__main__ import environments

Study = dict[str, list[list[Job]]]  # by method and seed: tests on base and on new classes, by part


def planned(
    methods: Iterable[str],
    seeds: Sequence[int],
    output: Path,
    opts: Sequence[str] = (),
    val: bool = False,
) -> Study:
    """The trainings with their tests; with `val` before them tests on validation images."""
    return {
        method: [_planned(method, seed, output, opts, val) for seed in seeds] for method in methods
    }


def _planned(method: str, seed: int, output: Path, opts: Sequence[str], val: bool) -> list[Job]:
    words = ["--trainer", method, "--seed", str(seed), "--output-dir", str(output), *opts]
    base, new = jobs(words)
    return [*(_on_val(half, new) for half in ("base", "new") if val), base, new]


def _on_val(half: str, new: Job) -> Job:
    """The test job of the new classes, changed to the validation split of a half."""
    folder = str(new.folder).replace("test_new", f"val_{half}")
    words = [folder if word == str(new.folder) else word for word in new.words]
    pairs = ("DATASET.SUBSAMPLE_CLASSES", half, "TEST.SPLIT", "val")
    return Job((*words, *pairs), Path(folder), TESTED, new.needs)


def run(study: Study, workers: int) -> None:
    """Run what is not finished.

    Raises:
        SystemExit: some runs failed, and have printed why.
    """
    found = [each for runs in study.values() for each in runs]
    todo = [job for each in found for job in each if not job.is_finished()]
    most = max(map(len, study.values()))
    if failed := local.run(todo, environments(workers), most=most):
        raise SystemExit(f"{len(failed)} runs failed")


def accuracies(runs: Iterable[Sequence[Job]]) -> NDArray[np.float64]:
    """Percent, by seed (S, 3 or 6): base, new and their harmonic mean, on val, then on test."""
    return np.array([_accuracies(each) for each in runs])


def _accuracies(tests: Sequence[Job]) -> list[float]:
    values = [job.result() for job in tests]
    pairs = zip(values[::2], values[1::2], strict=True)
    return [value for base, new in pairs for value in (base, new, harmonic_mean(base, new))]


def measured(methods: Sequence[str], seeds: Sequence[int], output: Path) -> list[dict[str, Any]]:
    """Run the methods; their rows of the demo's table (`tools.embedded.figure`).

    Raises:
        SystemExit: some runs failed, and have printed why.
    """
    study = planned(methods, seeds, output)
    run(study, workers=2)
    return [_row(method, runs) for method, runs in study.items()]


def _row(method: str, runs: Sequence[Sequence[Job]]) -> dict[str, Any]:
    from promptsrc.inference.prompt_file import read_prompts  # imports PyTorch

    values, untrained = accuracies(runs), layout.is_zero_shot(method)
    mean, spread = (
        dict(zip(("base", "new", "hm"), found.round(1).tolist(), strict=True))
        for found in (values.mean(0), values.std(0, ddof=1))
    )
    parameters = 0 if untrained else read_prompts(runs[0][0].folder).parameters
    about = {"parameters": parameters} | ({} if untrained else {"spread": spread})
    return {"method": method, **mean, **about}
