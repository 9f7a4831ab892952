"""Average the prompts of trained runs with other Gaussians, and test them: no training.

    python -m sweep.gpa RUN... --mean 5 10 15 --std 1 5 10    every mean with every std
    python -m sweep.gpa RUN --mean 10 --std 5 --save FOLDER   the average as the folder of a run

RUN is the folder of a self-regulated run that was trained with TRAIN.KEEP_EPOCHS True. Each average
is bit for bit that of a training with these GPA_MEAN and GPA_STD. A run on base classes is tested
on base and new classes. Prints a table, the mean over the runs, and writes gpa.html and gpa.csv.

Exit code 0: done. 1: a run cannot be averaged. 2: an invalid command line.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from promptsrc.command import Parser, checking_the_command, exit_code, stop_like_ctrl_c
from promptsrc.files import write_all

if TYPE_CHECKING:
    from report.results import Seeds
    from runs.averages import Averages, Gaussian


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__, "python -m sweep.gpa")
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="folders of trained runs")
    add("--mean", nargs="+", type=float, required=True, help="GPA_MEAN, in epochs")
    add("--std", nargs="+", type=float, required=True, help="GPA_STD, in epochs")
    add("--split", choices=["val", "test"], default="", help="images (default: the runs' own)")
    add("--root", default="", help="folder of the datasets, if they moved")
    add("--to", type=Path, help="folder of the page (default: the runs' common folder)")
    add("--save", type=Path, metavar="FOLDER", help="write the one average as a run's folder")
    args = parser.parse_args(argv)
    if args.save and len(args.runs) * len(args.mean) * len(args.std) > 1:
        parser.error("--save takes one RUN, one --mean and one --std")
    if args.to and args.to.exists() and not args.to.is_dir():
        parser.error(f"--to is {args.to}, a file; it takes a folder")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Its exit code."""
    args = parse_args(argv)
    return exit_code(lambda: averages(args))


def averages(args: argparse.Namespace) -> None:
    """Test all averages of all runs; print a table and write the page.

    Raises:
        InvalidCommand: a mean or a std that no epochs have.
        ValueError, OSError: a run cannot be averaged or tested, or the runs have different parts.
    """
    from promptsrc.regulation import gaussian_weights  # imports PyTorch
    from report import averages as shown
    from report import formats
    from runs.averages import Averages, Gaussian, check_free

    gaussians = [Gaussian(*pair) for pair in product(*map(dict.fromkeys, (args.mean, args.std)))]
    with checking_the_command():
        for gaussian in gaussians:
            gaussian_weights(1, *gaussian)
    if args.save:
        check_free(args.save)
    runs = [Averages(run, args.split, args.root) for run in args.runs]
    splits = [run.cfg.TEST.SPLIT for run in runs]
    if len({*zip((run.parts for run in runs), splits, strict=True)}) > 1:
        raise ValueError("these runs are tested on different classes or splits; name runs alike")
    found, notes = tested(runs, gaussians), notes_of(runs)
    table = shown.table(found, splits[0], notes)
    page = shown.page(found, splits[0], notes)
    to = args.to or common_folder(args.runs)
    to.mkdir(parents=True, exist_ok=True)
    write_all({to / "gpa.html": page, to / "gpa.csv": formats.csv_of_tables([table])})
    print(f"{formats.text(table)}\nwritten to {to}: gpa.html, gpa.csv")
    if args.save:
        runs[0].save(gaussians[0], args.save)
        print(f"written to {args.save}: the run with this average")


def tested(
    runs: "Sequence[Averages]", gaussians: "Sequence[Gaussian]"
) -> "dict[Gaussian, dict[str, Seeds]]":
    """Accuracies in percent by Gaussian, part and number of the run."""
    from report.results import Seeds

    by_run = [run.accuracies(gaussians) for run in runs]
    return {
        gaussian: {
            part: Seeds({number: found[part][i] for number, found in enumerate(by_run)})
            for part in runs[0].parts
        }
        for i, gaussian in enumerate(gaussians)
    }


def common_folder(runs: Sequence[Path]) -> Path:
    """The folder that all are in."""
    return Path(os.path.commonpath([run.absolute() for run in runs]))


def notes_of(runs: "Sequence[Averages]") -> list[str]:
    """What these accuracies are of."""
    own = "; ".join(dict.fromkeys(f"{run.own.mean:g}, {run.own.std:g}" for run in runs))
    notes = [f"Of {', '.join(str(run.folder) for run in runs)}"]
    notes += [f"Mean ± population standard deviation over {len(runs)} runs"] * (len(runs) > 1)
    return [*notes, f"Trained with GPA_MEAN, GPA_STD {own}"]


if __name__ == "__main__":
    stop_like_ctrl_c()
    sys.exit(main())
