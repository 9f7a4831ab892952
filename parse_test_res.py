"""Read accuracies out of the logs of several runs, and average them.

    python parse_test_res.py output/base2new/test_new/eurosat/shots_16/PromptSRC/CFG --test-log
This folder holds one folder per seed; --multi-exp takes a folder of such folders.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from promptsrc.command import Parser, exit_code
from runs.results import TESTED, TRAINED, folders_in, parse_run


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: there are results. 1: there are none."""
    parser = Parser(__doc__)
    add = parser.add_argument
    add("directory", type=Path, help="folder that holds one folder per run")
    add("--ci95", action="store_true", help="95%% confidence interval instead of the deviation")
    add("--test-log", action="store_true", help="logs of --eval-only, without training")
    add("--multi-exp", action="store_true", help="folders of folders of runs, averaged at the end")
    add("--keyword", default="accuracy", help="what to read: accuracy, error, macro_f1")
    args = parser.parse_args(argv)

    def work() -> None:
        folders = folders_in(args.directory) if args.multi_exp else [args.directory]
        signals = TESTED if args.test_log else TRAINED
        means = [print_mean(folder, signals, args.keyword, args.ci95) for folder in folders]
        if not (found := [mean for mean in means if mean is not None]):
            hint = "remove" if args.test_log else "for logs of tests add"
            raise ValueError(f"no result in {args.directory}; {hint} --test-log")
        if args.multi_exp:
            print(f"Average performance\n* {args.keyword}: {np.mean(found):.2f}%")

    return exit_code(work)


def print_mean(folder: Path, signals: Sequence[str], keyword: str, ci95: bool) -> float | None:
    """Print the result of each run in a folder and their mean; return the mean."""
    print(f"Parsing files in {folder}")
    values = []
    for run in folders_in(folder):
        if result := parse_run(run, signals, keyword):
            print(f"file: {result[0]}. {keyword}: {result[1]:.2f}%. ")
            values.append(result[1])
        else:
            print(f"{run} has no result", file=sys.stderr)
    if not values:
        return None
    spread = np.std(values) * (1.96 / np.sqrt(len(values)) if ci95 else 1)
    print(f"===\nSummary of directory: {folder}")
    print(f"* {keyword}: {np.mean(values):.2f}% +- {spread:.2f}%\n===")
    return float(np.mean(values))


if __name__ == "__main__":
    sys.exit(main())
