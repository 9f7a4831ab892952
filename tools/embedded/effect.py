"""Measure the effect of self-regulation: python -m tools.embedded.effect --seeds 5

Trains zero-shot CLIP, IVLP and PromptSRC with their shipped settings on the base classes. Tests
them on base and new classes, of validation and test. Prints mean and standard deviation over seeds.
"""

import argparse
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from promptsrc.command import Parser
from runs.embedded import jobs
from runs.job import Job
from runs.results import TESTED, harmonic_mean

METHODS = ("ZeroshotCLIP", "IVLP", "PromptSRC")


def main(argv: Sequence[str] | None = None) -> None:
    """Print a Markdown table."""
    parser = Parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds (default: 5)")
    parser.add_argument("--workers", type=int, default=2, help="runs at once (default: 2)")
    parser.add_argument("--output", default="output/effect", help="folder of the runs")
    parser.add_argument("opts", nargs=argparse.REMAINDER, help="KEY VALUE pairs for all runs")
    args = parser.parse_args(argv)
    runs = [(method, seed) for method in METHODS for seed in range(1, args.seeds + 1)]
    with ThreadPoolExecutor(args.workers) as pool:
        measured = list(pool.map(lambda run: measure(*run, args.output, args.opts), runs))
    print("| | val base | val new | val HM | test base | test new | test HM |")
    print("|---|---|---|---|---|---|---|")
    for method in METHODS:
        pairs = zip(runs, measured, strict=True)
        rows = np.array([accuracies for (name, _), accuracies in pairs if name == method])
        spreads = zip(rows.mean(0), rows.std(0, ddof=1), strict=True)
        cells = [f"{mean:.1f} ± {std:.1f}" for mean, std in spreads]
        print(f"| {method} | {' | '.join(cells)} |")


def measure(method: str, seed: int, output: str, opts: list[str]) -> list[float]:
    """Accuracies in percent: base, new and harmonic mean on validation, then on test."""
    base, new = jobs(["--trainer", method, "--seed", str(seed), "--output-dir", output, *opts])
    test = [_finished(base), _finished(new)]
    val = [_finished(_on_val(part, new)) for part in ("base", "new")]
    return [*val, harmonic_mean(*val), *test, harmonic_mean(*test)]


def _on_val(part: str, new: Job) -> Job:
    """The test job of the new classes, changed to the validation split of a half."""
    folder = str(new.folder).replace("test_new", f"val_{part}")
    words = [folder if word == str(new.folder) else word for word in new.words]
    pairs = ("DATASET.SUBSAMPLE_CLASSES", part, "TEST.SPLIT", "val")
    return Job((*words, *pairs), Path(folder), TESTED)


def _finished(job: Job) -> float:
    if job.accuracy() is None:
        subprocess.run(
            job.command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    return job.result()


if __name__ == "__main__":
    main()
