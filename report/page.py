"""One self-contained HTML page: the tables, few-shot curves, and where methods stand between base and new classes."""

import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from report import paper
from report.results import Cells, Result, by_method
from report.tables import TITLES, Table, average, both_halves, expected, few_shot_methods

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ["#1f5fa8", "#d9772b", "#3a8f5c", "#8b5bb5", "#b8433f", "#5d6b78", "#b59a2a", "#2b9aa3"]
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff; max-width: 1280px; margin: 2.5rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin: 2.6rem 0 .6rem; }
p { color: #566473; margin: .3rem 0; max-width: 75ch; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; } th { border-bottom: 1.5px solid #1c2733; font-weight: 600; }
th:first-child, td:first-child { text-align: left; } tr.total td { border-top: 1px solid #9aa7b4; font-weight: 600; }
tr.beside td { color: #71808f; font-size: .92em; padding-top: 0; } tr.beside td:first-child { padding-left: 1.8rem; }
tbody tr:hover { background: #f2f6fa; } figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
"""


def page(results: Sequence[Result], tables: Sequence[Table], notes: Sequence[str]) -> str:
    """The page; without figures where matplotlib is not installed."""
    try:
        figures = [_svg(figure) for figure in _figures(results)]
        missing = []
    except ImportError:
        figures, missing = [], ["No figures: matplotlib is not installed (pip install matplotlib)."]
    done = sum(result.accuracy is not None for result in results)
    intro = (
        f"{done} finished runs. Accuracy in percent. Averages are over datasets, of means over seeds; "
        "harmonic means (HM) are of averages."
    )
    parts = [
        "<h1>Results</h1>",
        *(f"<p>{html.escape(line)}</p>" for line in (intro, *missing)),
        *(f"<figure>{figure}</figure>" for figure in figures),
        *map(_table, tables),
        *(["<h2>Without a result</h2>"] if notes else []),
        *(f"<p>{html.escape(note)}</p>" for note in notes),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Results</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>"
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in table.header)
    rows = "\n".join(
        f'<tr class="{_kind(row)}">'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
        + "</tr>"
        for row in table.rows
    )
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in table.notes)
    body = f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>'
    return f"<h2>{html.escape(table.title)}</h2>\n{body}{notes}"


def _kind(row: list[str]) -> str:
    return "beside" if row[0].startswith("  ") else "total" if row[0].startswith("Average") else ""


def _figures(results: Sequence[Result]) -> list["Figure"]:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {
        "svg.hashsalt": "report",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    figures = []
    if methods := by_method(results, "base2new"):
        figures += _scatter(methods)
    if methods := few_shot_methods(results):
        figures += _curves(methods)
    return figures


def _scatter(methods: dict[str, Cells]) -> list["Figure"]:
    """Base against new accuracy: a point a method, filled ours, hollow the paper's; lines of equal harmonic mean."""
    import matplotlib.pyplot as plt
    import numpy as np

    points = []
    for colour, (method, cells) in zip(_colours(len(methods)), methods.items(), strict=True):
        names = both_halves(cells, expected(cells, "base2new"))
        if names:
            points.append(
                (method, average(cells, names, "base"), average(cells, names, "new"), colour, True)
            )
        published = [
            paper.accuracies().get(("base2new", method, "average", part))
            for part in ("base", "new")
        ]
        if all(published):
            points.append((f"{method}, paper", published[0][0], published[1][0], colour, False))
    if not points:
        return []
    figure, axis = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
    for name, base, new, colour, ours in points:
        axis.scatter(
            base,
            new,
            s=70,
            color=colour if ours else "none",
            edgecolors=colour,
            linewidths=1.6,
            label=name,
            zorder=3,
        )
    _room(axis, [p[1] for p in points], [p[2] for p in points])
    low, high = axis.get_xlim()
    bottom, top = axis.get_ylim()
    x = np.linspace(low, high, 200)
    for hm in _round_steps(2 * low * bottom / (low + bottom), 2 * high * top / (high + top)):
        above = x > hm / 2 + 1e-6
        y = hm * x[above] / (2 * x[above] - hm)
        axis.plot(x[above], y, color="#c9d2db", linewidth=0.8, zorder=1)
        seen = (y > bottom) & (y < top)
        if seen.any():
            axis.text(
                x[above][seen][-1],
                y[seen][-1],
                f"HM {hm:g}",
                color="#8895a3",
                fontsize=7,
                ha="right",
                va="bottom",
            )
    axis.set(
        xlim=(low, high),
        ylim=(bottom, top),
        xlabel="base classes, accuracy %",
        ylabel="new classes, accuracy %",
    )
    axis.set_title("Base and new classes, average over datasets", loc="left", fontsize=10)
    axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return [figure]


def _room(axis, xs: Sequence[float], ys: Sequence[float]) -> None:
    """Limits with some air around the points."""
    for set_limits, values in ((axis.set_xlim, xs), (axis.set_ylim, ys)):
        margin = max(1.5, 0.15 * (max(values) - min(values)))
        set_limits(max(0.5, min(values) - margin), min(100, max(values) + margin))


def _round_steps(low: float, high: float) -> list[float]:
    step = next(step for step in (0.5, 1, 2, 5, 10, 20, 50) if (high - low) / step <= 8)
    return [k * step for k in range(int(low / step) + 1, int(high / step) + 1)]


def _curves(methods: dict[str, Cells]) -> list["Figure"]:
    """Accuracy over shots: the average first, then a panel a dataset; dashed is the paper's."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(name for cells in methods.values() for name, _ in cells))
    names = [name for name in TITLES if name in names] + sorted(set(names) - set(TITLES))
    panels = ["average", *names]
    shots = sorted({int(k) for cells in methods.values() for _, k in cells})
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(2.9 * columns, 2.3 * rows + 0.4),
        layout="constrained",
        squeeze=False,
    )
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for panel, axis in zip(panels, axes.flat, strict=False):
        axis.set_title(
            "Average over the datasets" if panel == "average" else TITLES.get(panel, panel),
            loc="left",
            fontsize=9,
        )
        for colour, (method, cells) in zip(_colours(len(methods)), methods.items(), strict=True):
            _curve(axis, method, cells, panel, colour)
        axis.set_xscale("symlog", base=2, linthresh=1)
        axis.set_xticks(shots, list(map(str, shots)))
        axis.grid(axis="y", color="#e6ebf0", linewidth=0.7)
    figure.supxlabel("shots", fontsize=9)
    figure.supylabel("accuracy %", fontsize=9)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    for axis in axes.flat[1 : len(panels)]:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    figure.legend(handles, labels, loc="outside upper left", ncols=4, frameon=False, fontsize=8)
    return [figure]


def _curve(axis, method: str, cells: Cells, panel: str, colour: str) -> None:
    shots = sorted({int(k) for _, k in cells})
    names = expected(cells, "few-shot")
    if panel == "average":
        points = {
            k: average(cells, names, str(k))
            for k in shots
            if all((name, str(k)) in cells for name in names)
        }
        spread = dict.fromkeys(points, 0.0)
    else:
        found = {k: cells[panel, str(k)] for k in shots if (panel, str(k)) in cells}
        points = {k: values.mean for k, values in found.items()}
        spread = {k: values.std for k, values in found.items()}
    if points:
        axis.errorbar(
            list(points),
            list(points.values()),
            list(spread.values()),
            color=colour,
            marker="o",
            markersize=3.5,
            capsize=2,
            label=method,
        )
    theirs = {
        k: paper.accuracies().get(("few-shot", method, panel, str(k))) for k in (1, 2, 4, 8, 16)
    }
    theirs = {k: value[0] for k, value in theirs.items() if value}
    if theirs:
        axis.plot(
            list(theirs),
            list(theirs.values()),
            color=colour,
            linestyle="--",
            linewidth=1,
            marker="o",
            markersize=3,
            markerfacecolor="white",
            label=f"{method}, paper",
        )


def _colours(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def _svg(figure: "Figure") -> str:
    import matplotlib.pyplot as plt

    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    plt.close(figure)
    return out.getvalue()[out.getvalue().index("<svg") :]
