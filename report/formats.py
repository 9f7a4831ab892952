"""Tables written down: aligned text, Markdown, LaTeX, CSV, HTML."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from promptsrc import escape
from report import figures
from report.html import render
from report.results import Result, by_label, by_method
from report.table import Table
from report.tables import few_shot_methods, unfinished, unread


def text(table: Table) -> str:
    """Aligned columns."""
    rows = [list(map(escape.printable, row)) for row in (table.header, *table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.header))]
    rule = "-" * (sum(widths) + 2 * len(widths) - 2)
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]
    title, *notes = map(escape.printable, (table.title, *table.notes))
    return "\n".join([title, rule, lines[0], rule, *lines[1:], rule, *notes]) + "\n"


def markdown(table: Table) -> str:
    """A Markdown table under a heading."""
    header, *rows = (
        f"| {' | '.join(map(escape.markdown, row))} |" for row in (table.header, *table.rows)
    )
    rule = f"| --- |{' ---: |' * (len(table.header) - 1)}"
    title, *notes = map(escape.markdown, (table.title, *table.notes))
    below = [f"\n{note}" for note in notes]
    return "\n".join([f"### {title}\n", header, rule, *rows, *below]) + "\n"


def latex(table: Table) -> str:
    """A `tabular` with the rules of booktabs."""
    header, *rows = (" & ".join(map(_latex, row)) + r" \\" for row in (table.header, *table.rows))
    lines = [
        *(f"% {escape.printable(line)}" for line in (table.title, *table.notes)),
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
    return indent + escape.latex(cell.strip())


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
    return "".join(map(escape.csv_line, lines))


def csv_of_runs(results: Iterable[Result]) -> str:
    """One line a run."""
    fields = ("kind", "trainer", "config", "variant", "dataset", "shots", "seed")
    lines: list[Sequence[object]] = [(*fields, "accuracy", "folder")]
    for result in results:
        values = [f"{key}={value}" for key, value in result.place.values]
        variant = "/".join(filter(None, (result.place.variant, *values)))
        place = replace(result.place, variant=variant)
        cells = [getattr(place, field) for field in fields]
        lines.append((*cells, result.accuracy, result.folder))
    return "".join(map(escape.csv_line, lines))


def html(results: Sequence[Result], tables: Sequence[Table]) -> str:
    """One page with all tables, and the figures each before the table of its values."""
    drawn = {
        "Base-to-new": figures.base_and_new(by_method(results, "base2new")),
        "Calibration": figures.reliability(by_label(results, "base2new")),
        "Few-shot": figures.few_shot(few_shot_methods(results)),
    }
    return render(
        "tables.html",
        finished=sum(result.accuracy is not None for result in results),
        sections=[(drawn.pop(table.title.partition(",")[0], None), table) for table in tables],
        unfinished=unfinished(results),
        unread=unread(results),
    )
