"""Tables written down: aligned text, Markdown, LaTeX, CSV."""

import csv
import io
from collections.abc import Iterable

from report.results import Result
from report.tables import Table


def text(table: Table) -> str:
    rows = [table.header, *table.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.header))]
    rule = "-" * (sum(widths) + 2 * len(widths) - 2)
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]
    return "\n".join([table.title, rule, lines[0], rule, *lines[1:], rule, *table.notes]) + "\n"


def markdown(table: Table) -> str:
    rule = ["---", *["---:"] * (len(table.header) - 1)]
    rows = [
        "| " + " | ".join(row).replace("*", r"\*") + " |"
        for row in (table.header, rule, *table.rows)
    ]
    notes = [f"\n{note}".replace("*", r"\*") for note in table.notes]
    return "\n".join([f"### {table.title}\n", *rows, *notes]) + "\n"


def latex(table: Table) -> str:
    """A `tabular` with booktabs' rules."""
    rows = [" & ".join(map(_latex, row)) + r" \\" for row in (table.header, *table.rows)]
    notes = [f"% {note}" for note in table.notes]
    columns = "l" + "r" * (len(table.header) - 1)
    body = [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        rows[0],
        r"\midrule",
        *rows[1:],
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join([f"% {table.title}", *notes, *body]) + "\n"


def _latex(cell: str) -> str:
    indent = r"\quad " if cell.startswith("  ") else ""
    for plain, written in {
        "_": r"\_",
        "±": r"$\pm$",
        "–": "--",
        "Δ": r"$\Delta$",
        "%": r"\%",
        "*": r"$^*$",
    }.items():
        cell = cell.replace(plain, written)
    return indent + cell.strip()


def csv_of_tables(tables: Iterable[Table]) -> str:
    """One line a cell: table, row, column, value."""
    lines = [["table", "row", "column", "value"]]
    for table in tables:
        owner = ""
        for row in table.rows:
            owner = f"{owner}, {row[0].strip()}" if row[0].startswith("  ") else row[0]
            lines += [
                [table.title, owner, column, value]
                for column, value in zip(table.header[1:], row[1:], strict=True)
            ]
            owner = owner.split(", ")[0]
    return _csv(lines)


def csv_of_runs(results: Iterable[Result]) -> str:
    """One line a run."""
    lines = [
        ["kind", "trainer", "config", "variant", "dataset", "shots", "seed", "accuracy", "folder"]
    ]
    for result in results:
        p = result.place
        lines.append(
            [
                p.kind,
                p.trainer,
                p.config,
                p.variant,
                p.dataset,
                p.shots,
                p.seed,
                result.accuracy,
                result.folder,
            ]
        )
    return _csv(lines)


def _csv(lines: list[list]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()
