"""Measure the effect of self-regulation: python -m tools.embedded.effect --seeds 5

Trains zero-shot CLIP, IVLP and PromptSRC with their shipped settings on the base classes of the
embedded datasets, all seeds of a method as a pack. Prints mean and standard deviation over seeds
on validation and test images, and differences of methods on test images, each with the 95 %
t-interval of its mean over seeds. Writes figure.png next to the folders of the runs.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from promptsrc.command import Parser
from tools.embedded import figure, study, tables

METHODS = ("ZeroshotCLIP", "IVLP", "PromptSRC")
DIFFERENCES = (("IVLP", "ZeroshotCLIP"), ("PromptSRC", "ZeroshotCLIP"), ("PromptSRC", "IVLP"))


def main(argv: Sequence[str] | None = None) -> None:
    """Print Markdown tables."""
    parser = Parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds (default: 5)")
    parser.add_argument("--workers", type=int, default=2, help="packs at once (default: 2)")
    parser.add_argument("--output", default="output/effect", help="folder of the runs")
    parser.add_argument("opts", nargs=argparse.REMAINDER, help="KEY VALUE pairs for all runs")
    args = parser.parse_args(argv)
    seeds, output = range(1, args.seeds + 1), Path(args.output)
    test = {name: study.planned(name, seeds, output, args.opts) for name in METHODS}
    val = {name: study.on_val(name, runs, output, args.opts) for name, runs in test.items()}
    with redirect_stdout(sys.stderr):  # progress
        study.run([*test.values(), *val.values()], args.workers)
    for part, found in (("Validation", val), ("Test", test)):
        rows = [study.row(name, runs) for name, runs in found.items()]
        print(f"{part}:\n\n{tables.by_dataset(rows)}")
    print(f"Differences:\n\n{differences({name: study.accuracies(r) for name, r in test.items()})}")
    figure.draw_effect(rows, output / "figure.png")


def differences(accuracies: Mapping[str, NDArray[np.float64]]) -> str:
    """A table.

    Args:
        accuracies: by method, (seeds, datasets and their average, PARTS).
    """
    names = (*study.DATASETS, study.AVERAGE)
    lines = [
        [name, f"{one} - {other}", *map(_interval, (accuracies[one] - accuracies[other])[:, i].T)]
        for i, name in enumerate(names)
        for one, other in DIFFERENCES
    ]
    return tables.markdown(["dataset", "difference", "base", "new", "HM"], lines)


def _interval(values: NDArray[np.float64]) -> str:
    """Mean and 95 % interval of paired differences (seeds,)."""
    n, mean = len(values), values.mean()
    reach = stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return f"{mean:+.1f} [{mean - reach:+.1f}, {mean + reach:+.1f}]"


if __name__ == "__main__":
    main()
