"""Measure the effect of self-regulation: python -m tools.embedded.effect [--seeds 5] [--workers 2] [--output output/effect]

Zero-shot, IVLP and PromptSRC at their shipped settings, a seed at a time: trained on the base classes, tested on base and
new classes of validation and test. Prints mean and standard deviation over the seeds.
"""

import argparse
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from runs.arguments import parse_args
from runs.embedded import arguments, harmonic_mean, jobs, with_defaults
from runs.protocols import Job
from runs.results import TESTED

METHODS = ("ZeroshotCLIP", "IVLP", "PromptSRC")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", default="output/effect")
    parser.add_argument("opts", nargs=argparse.REMAINDER)
    args = parser.parse_args(argv)
    runs = [(method, seed) for method in METHODS for seed in range(1, args.seeds + 1)]
    with ThreadPoolExecutor(args.workers) as pool:
        measured = list(pool.map(lambda run: measure(*run, args.output, args.opts), runs))
    print(
        "| | val base | val new | val HM | test base | test new | test HM |\n|---|---|---|---|---|---|---|"
    )
    for method in METHODS:
        rows = np.array(
            [numbers for (name, _), numbers in zip(runs, measured, strict=True) if name == method]
        )
        cells = [
            f"{m:.1f} ± {s:.1f}" for m, s in zip(rows.mean(0), rows.std(0, ddof=1), strict=True)
        ]
        print(f"| {method} | {' | '.join(cells)} |")


def measure(method: str, seed: int, output: str, opts: list[str]) -> list[float]:
    """Accuracies in percent: base, new and harmonic mean on validation, then on test."""
    args = with_defaults(
        parse_args(["--trainer", method, "--seed", str(seed), "--output-dir", output, *opts])
    )
    base, new = jobs(args)
    test = [_finished(base), _finished(new)]
    val = [_finished(_on_val(args, part, new)) for part in ("base", "new")]
    return [*val, harmonic_mean(*val), *test, harmonic_mean(*test)]


def _on_val(args: argparse.Namespace, part: str, new: Job) -> Job:
    """The test job of the new classes, turned to a part's validation split."""
    words = parse_args(new.words)
    words.output_dir = words.output_dir.replace("test_new", f"val_{part}")
    words.opts = [*words.opts, "DATASET.SUBSAMPLE_CLASSES", part, "TEST.SPLIT", "val"]
    return Job(arguments(words), Path(words.output_dir), TESTED)


def _finished(job: Job) -> float:
    if job.accuracy() is None:
        subprocess.run(
            job.command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    return job.accuracy()


if __name__ == "__main__":
    main()
