"""Tables written down: aligned text, Markdown, LaTeX, CSV, HTML."""

import csv
import io
from collections.abc import Iterable, Sequence

from report import figures
from report.html import render
from report.results import Result, by_method
from report.tables import Table, few_shot_methods

LATEX = {"_": r"\_", "±": r"$\pm$", "–": "--", "Δ": r"$\Delta$", "%": r"\%", "*": r"$^*$"}


def text(table: Table) -> str:
    """Aligned columns."""
    rows = [table.header, *table.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.header))]
    rule = "-" * (sum(widths) + 2 * len(widths) - 2)
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]
    return "\n".join([table.title, rule, lines[0], rule, *lines[1:], rule, *table.notes]) + "\n"


def markdown(table: Table) -> str:
    """A Markdown table under a heading."""
    rule = ["---", *["---:"] * (len(table.header) - 1)]
    rows = [f"| {' | '.join(row)} |" for row in (table.header, rule, *table.rows)]
    notes = [f"\n{note}" for note in table.notes]
    below = [line.replace("*", r"\*") for line in (*rows, *notes)]
    return "\n".join([f"### {table.title}\n", *below]) + "\n"


def latex(table: Table) -> str:
    """A `tabular` with the rules of booktabs."""
    header, *rows = (" & ".join(map(_latex, row)) + r" \\" for row in (table.header, *table.rows))
    lines = [
        f"% {table.title}",
        *(f"% {note}" for note in table.notes),
        rf"\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}",
        r"\toprule",
        header,
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _latex(cell: str) -> str:
    indent = r"\quad " if cell.startswith("  ") else ""
    return indent + "".join(LATEX.get(letter, letter) for letter in cell.strip())


def csv_of_tables(tables: Iterable[Table]) -> str:
    """One line a cell: table, row, column, value."""
    lines: list[Sequence[object]] = [("table", "row", "column", "value")]
    for table in tables:
        owner = ""
        for name, *values in table.rows:
            owner = owner if name.startswith("  ") else name
            row = f"{owner}, {name.strip()}" if name.startswith("  ") else name
            cells = zip(table.header[1:], values, strict=True)
            lines += [(table.title, row, column, value) for column, value in cells]
    return _csv(lines)


def csv_of_runs(results: Iterable[Result]) -> str:
    """One line a run."""
    fields = ("kind", "trainer", "config", "variant", "dataset", "shots", "seed")
    lines: list[Sequence[object]] = [(*fields, "accuracy", "folder")]
    for result in results:
        place = [getattr(result.place, field) for field in fields]
        lines.append((*place, result.accuracy, result.folder))
    return _csv(lines)


def _csv(lines: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()


def html(results: Sequence[Result], tables: Sequence[Table], unfinished: Sequence[str]) -> str:
    """One page with the figures and all tables."""
    drawn = (
        figures.base_and_new(by_method(results, "base2new")),
        figures.few_shot(few_shot_methods(results)),
    )
    return render(
        "tables.html",
        finished=sum(result.accuracy is not None for result in results),
        figures=list(filter(None, drawn)),
        tables=tables,
        unfinished=unfinished,
    )
