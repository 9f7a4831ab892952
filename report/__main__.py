"""Tables of the results in an output folder, next to the papers'; or the report of one run.

    python -m report output    prints the tables; writes output/report: report.html, .txt, .md,
                               .tex, tables.csv and runs.csv
    python -m report output --compare PromptSRC CoOp    with a table that compares two methods
    python -m report RUN       writes RUN/report.html: classes, confusions, curves, nearest tokens
                               (RUN: a folder with log.txt)

Exit code 0: done. 1: there are no results. 2: an invalid command line.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from promptsrc.command import InvalidCommand, Parser, exit_code, stop_like_ctrl_c
from promptsrc.escape import markdown, printable
from promptsrc.files import write_all
from report import formats
from report.results import Result, find
from report.table import Table
from report.tables import tables, unfinished, unread
from runs.results import folders_in

OF_A_RUN = ("log.txt", "config.yaml")
MEMORY_HINT = "run it on the CPU: CUDA_VISIBLE_DEVICES= python -m report ..."


def main(argv: Sequence[str] | None = None) -> int:
    """Its exit code."""
    parser = Parser(__doc__, "python -m report")
    add = parser.add_argument
    add("output", type=Path, help="folder of results, or of one run")
    add("--to", type=Path, help="folder to write to (default: OUTPUT/report, or the run's folder)")
    add(
        "--root",
        default="",
        help="folder of the datasets, for the report of a run whose data moved",
    )
    add(
        "--compare",
        nargs=2,
        metavar="METHOD",
        help="two methods, as the tables call them: adds their paired comparison",
    )
    args = parser.parse_args(argv)
    return exit_code(lambda: report(args.output, args.to, args.root, args.compare), MEMORY_HINT)


def report(output: Path, to: Path | None, root: str, compare: Sequence[str] | None = None) -> None:
    """Write the tables of all results in a folder, or else the report of the run that it holds.

    Raises:
        InvalidCommand: a root for tables, or methods to compare that are not in them.
        ValueError: there is neither.
        OSError: a file cannot be written; none of them is then replaced.
    """
    results = find(output)
    made = tables(results)
    is_run = not made and any((output / name).is_file() for name in OF_A_RUN)
    if root and not is_run:
        raise InvalidCommand(f"--root is for the report of a run; {output} is not a run's folder")
    if compare and made:
        from report.comparison import comparison  # imports SciPy's statistics

        made.append(comparison(results, *compare))
    elif compare:
        raise InvalidCommand(f"--compare is for a folder of results, which {output} is not")
    if is_run:
        _report_run(output, to or output, root)
    elif made:
        _report_tables(results, made, to or output / "report")
    else:
        inside = [run for run in folders_in(output) if (run / OF_A_RUN[0]).is_file()]
        hint = f"; for the report of a run in it: python -m report {inside[0]}" if inside else ""
        raise ValueError(
            f"{output} has no results of finished runs (docs/SWEEP.md lists the folders), "
            f"and is not a run's folder (no {OF_A_RUN[0]}){hint}"
        )


def _report_tables(results: list[Result], made: list[Table], folder: Path) -> None:
    left_out = [f"no result: {run}" for run in unfinished(results)]
    left_out += [f"not read: {file}" for file in unread(results)]
    text = "\n".join([*map(formats.text, made), *map(printable, left_out)])
    listed = [f"- {markdown(line)}" for line in left_out]
    files = {
        "report.txt": text,
        "report.md": "\n".join([*map(formats.markdown, made), *listed]),
        "report.tex": "\n".join(map(formats.latex, made)),
        "tables.csv": formats.csv_of_tables(made),
        "runs.csv": formats.csv_of_runs(results),
        "report.html": formats.html(results, made),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_all({folder / name: f"{content.rstrip()}\n" for name, content in files.items()})
    print(f"{text}\nwritten to {folder}: {', '.join(files)}")


def _report_run(folder: Path, to: Path, root: str) -> None:
    from report.run import read_run  # imports PyTorch
    from report.run_report import run_report

    run = read_run(folder, root)
    content = run_report(run)
    to.mkdir(parents=True, exist_ok=True)
    write_all({to / "report.html": content})
    for part, reason in run.missing.items():
        print(f"without {part}: {reason}")
    print(f"written to {to / 'report.html'}")


if __name__ == "__main__":
    stop_like_ctrl_c()
    sys.exit(main())
