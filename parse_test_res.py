"""Read accuracies out of the logs of several runs, and average them.

    python parse_test_res.py output/base2new/train_base/eurosat/shots_16/PromptSRC/CFG             one log a seed
    python parse_test_res.py output/base2new/test_new/eurosat/shots_16/PromptSRC/CFG --test-log    logs of --eval-only
    python parse_test_res.py output/few_shot --multi-exp                                           one level deeper

The log of a run is `log.txt`. A run that was interrupted and went on has a later `log.txt-<time>`, which counts where
`log.txt` has no result.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from promptsrc.command import Parser
from runs.results import TESTED, TRAINED, parse_run


def parse_folder(
    folder: Path, end_signals: Sequence[str], keyword: str, ci95: bool
) -> float | None:
    """Print the result of each run in a folder and their mean; return the mean."""
    print(f"Parsing files in {folder}")
    values = []
    for run in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        if result := parse_run(run, end_signals, keyword):
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


def main(argv: Sequence[str] | None = None) -> int:
    """0 when results were found, 1 otherwise."""
    parser = Parser(__doc__)
    parser.add_argument("directory", type=Path, help="folder that holds one folder a run")
    parser.add_argument(
        "--ci95", action="store_true", help="95%% confidence interval in place of the deviation"
    )
    parser.add_argument(
        "--test-log", action="store_true", help="logs of tests only, without training"
    )
    parser.add_argument(
        "--multi-exp", action="store_true", help="folders of folders of runs, averaged at the end"
    )
    parser.add_argument(
        "--keyword", default="accuracy", help="which number to read: accuracy, error, macro_f1"
    )
    args = parser.parse_args(argv)
    if not args.directory.is_dir():
        print(f"error: no folder {args.directory}", file=sys.stderr)
        return 1
    folders = (
        sorted(p for p in args.directory.iterdir() if p.is_dir())
        if args.multi_exp
        else [args.directory]
    )
    end_signals = TESTED if args.test_log else TRAINED
    means = [parse_folder(folder, end_signals, args.keyword, args.ci95) for folder in folders]
    found = [mean for mean in means if mean is not None]
    if not found:
        what = (
            "a test"
            if args.test_log
            else "a finished training (for logs of --eval-only: --test-log)"
        )
        print(f"error: no result of {what} in {args.directory}", file=sys.stderr)
        return 1
    if args.multi_exp:
        print(f"Average performance\n* {args.keyword}: {np.mean(found):.2f}%")
    return 0


if __name__ == "__main__":
    sys.exit(main())
