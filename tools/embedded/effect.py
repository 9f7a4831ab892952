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

from promptsrc.command import Parser
from tools.embedded.study import accuracies, planned, run

METHODS = ("ZeroshotCLIP", "IVLP", "PromptSRC")


def main(argv: Sequence[str] | None = None) -> None:
    """Print a Markdown table."""
    parser = Parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds (default: 5)")
    parser.add_argument("--workers", type=int, default=2, help="packs at once (default: 2)")
    parser.add_argument("--output", default="output/effect", help="folder of the runs")
    parser.add_argument("opts", nargs=argparse.REMAINDER, help="KEY VALUE pairs for all runs")
    args = parser.parse_args(argv)
    seeds = range(1, args.seeds + 1)
    study = planned(METHODS, seeds, Path(args.output), args.opts, val=True)
    with redirect_stdout(sys.stderr):  # progress
        run(study, args.workers)
    print("| | val base | val new | val HM | test base | test new | test HM |")
    print("|---|---|---|---|---|---|---|")
    for method, runs in study.items():
        values = accuracies(runs)
        spreads = zip(values.mean(0), values.std(0, ddof=1), strict=True)
        cells = [f"{mean:.1f} ± {std:.1f}" for mean, std in spreads]
        print(f"| {method} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
