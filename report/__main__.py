"""Tables of the results in an output folder, next to the papers' numbers.

    python -m report output        prints them, and writes output/report: report.html, .txt, .md, .tex, tables.csv, runs.csv

Exit code 0: there are results; 1: there are none.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from report import formats
from report.page import page
from report.results import find
from report.tables import tables, unfinished


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path, help="folder of the results")
    parser.add_argument("--to", type=Path, help="folder to write to (default: report, in the folder of the results)")
    args = parser.parse_args(argv)
    results = find(args.output)
    made = tables(results)
    if not made:
        print(
            f"error: {args.output} has no results of finished runs in the folders that docs/SWEEP.md lists",
            file=sys.stderr,
        )
        return 1
    open_runs = [f"no result: {folder}" for folder in unfinished(results)]
    files = {
        "report.txt": "\n".join([*map(formats.text, made), *open_runs]),
        "report.md": "\n".join([*map(formats.markdown, made), *(f"- {line}" for line in open_runs)]),
        "report.tex": "\n".join(map(formats.latex, made)),
        "tables.csv": formats.csv_of_tables(made),
        "runs.csv": formats.csv_of_runs(results),
        "report.html": page(results, made, open_runs),
    }
    folder = args.to or args.output / "report"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content.rstrip() + "\n", encoding="utf-8")
    print(f"{files['report.txt']}\nwritten to {folder}: {', '.join(files)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
