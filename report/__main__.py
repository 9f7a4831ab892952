"""Tables of the results in an output folder, next to the papers' numbers; or the page of one run.

    python -m report output        prints the tables, and writes output/report: report.html, .txt, .md, .tex, tables.csv, runs.csv
    python -m report RUN           writes RUN/report.html: curves, classes, confusions, words (RUN: a folder with log.txt)

Exit code 0: there are results, or the run has its page; 1: there are none.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from promptsrc.command import Parser, one_line
from report import formats
from report.page import page
from report.results import Result, find
from report.tables import Table, tables, unfinished

OF_A_RUN = ("log.txt", "config.yaml")


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__, "python -m report")
    parser.add_argument("output", type=Path, help="folder of the results, or of a run")
    parser.add_argument(
        "--to",
        type=Path,
        help="folder to write to (default: report in that of the results; the run's)",
    )
    parser.add_argument(
        "--root", default="", help="folder of the datasets, for the page of a run whose data moved"
    )
    args = parser.parse_args(argv)
    try:
        results = find(args.output)
        made = tables(results)
        if not made and any((args.output / name).is_file() for name in OF_A_RUN):
            return _page_of_run(args.output, args.to or args.output, args.root)
        if args.root:
            parser.error(
                f"--root is for the page of a run, and {args.output} is not the folder of one"
            )
        return _write(args.output, args.to or args.output / "report", results, made)
    except (ValueError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1


def _write(output: Path, folder: Path, results: list[Result], made: list[Table]) -> int:
    if not made:
        print(
            f"error: {output} has no results of finished runs in the folders that docs/SWEEP.md lists, "
            "and is not the folder of a run",
            file=sys.stderr,
        )
        return 1
    open_runs = [f"no result: {folder}" for folder in unfinished(results)]
    files = {
        "report.txt": "\n".join([*map(formats.text, made), *open_runs]),
        "report.md": "\n".join(
            [*map(formats.markdown, made), *(f"- {line}" for line in open_runs)]
        ),
        "report.tex": "\n".join(map(formats.latex, made)),
        "tables.csv": formats.csv_of_tables(made),
        "runs.csv": formats.csv_of_runs(results),
        "report.html": page(results, made, open_runs),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content.rstrip() + "\n", encoding="utf-8")
    print(f"{files['report.txt']}\nwritten to {folder}: {', '.join(files)}")
    return 0


def _page_of_run(folder: Path, to: Path, root: str) -> int:
    from promptsrc.files import replacing
    from report.run import read_run  # imports PyTorch
    from report.run_page import page as page_of

    run = read_run(folder, root)
    content = page_of(run)
    to.mkdir(parents=True, exist_ok=True)
    with replacing(to / "report.html") as part:
        part.write_text(content, encoding="utf-8")
    for part, reason in run.missing.items():
        print(f"without {part}: {reason}")
    print(f"written to {to / 'report.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
