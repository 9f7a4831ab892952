"""Measure the effect of self-regulation: python -m tools.embedded.effect --seeds 5

Trains zero-shot CLIP, IVLP and PromptSRC with their shipped settings on the base classes, all seeds
of a method as a pack. Tests them on base and new classes, of validation and test. Prints mean and
standard deviation over seeds.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from promptsrc.command import Parser
from runs.embedded import jobs
from runs.job import Job
from runs.results import TESTED, harmonic_mean
from sweep import local
from sweep.__main__ import environments

METHODS = ("ZeroshotCLIP", "IVLP", "PromptSRC")


def main(argv: Sequence[str] | None = None) -> None:
    """Print a Markdown table."""
    parser = Parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds (default: 5)")
    parser.add_argument("--workers", type=int, default=2, help="packs at once (default: 2)")
    parser.add_argument("--output", default="output/effect", help="folder of the runs")
    parser.add_argument("opts", nargs=argparse.REMAINDER, help="KEY VALUE pairs for all runs")
    args = parser.parse_args(argv)
    runs = {
        method: [planned(method, seed, args.output, args.opts) for seed in range(1, args.seeds + 1)]
        for method in METHODS
    }
    todo = [job for found in runs.values() for four in found for job in four]
    with redirect_stdout(sys.stderr):  # progress
        todo = [job for job in todo if not job.is_finished()]
        if failed := local.run(todo, environments(args.workers), most=args.seeds):
            raise SystemExit(f"{len(failed)} runs failed")
    print("| | val base | val new | val HM | test base | test new | test HM |")
    print("|---|---|---|---|---|---|---|")
    for method, found in runs.items():
        rows = np.array([accuracies(*four) for four in found])
        spreads = zip(rows.mean(0), rows.std(0, ddof=1), strict=True)
        cells = [f"{mean:.1f} ± {std:.1f}" for mean, std in spreads]
        print(f"| {method} | {' | '.join(cells)} |")


def planned(method: str, seed: int, output: str, opts: Sequence[str]) -> list[Job]:
    """The training, with its test on the base classes; the test on the new ones; both on val."""
    base, new = jobs(["--trainer", method, "--seed", str(seed), "--output-dir", output, *opts])
    return [base, new, *(_on_val(part, new) for part in ("base", "new"))]


def _on_val(part: str, new: Job) -> Job:
    """The test job of the new classes, changed to the validation split of a half."""
    folder = str(new.folder).replace("test_new", f"val_{part}")
    words = [folder if word == str(new.folder) else word for word in new.words]
    pairs = ("DATASET.SUBSAMPLE_CLASSES", part, "TEST.SPLIT", "val")
    return Job((*words, *pairs), Path(folder), TESTED, new.needs)


def accuracies(*found: Job) -> list[float]:
    """In percent: base, new and harmonic mean on validation, then on test."""
    base, new, val_base, val_new = (job.result() for job in found)
    pairs = (val_base, val_new), (base, new)
    return [value for b, n in pairs for value in (b, n, harmonic_mean(b, n))]


if __name__ == "__main__":
    main()
