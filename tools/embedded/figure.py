"""The table and the figure of demo.py."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, str | float]  # method, base, new, hm, parameters, seconds

HEADER = """| method | base | new | harmonic mean | trained parameters | seconds |
|---|---|---|---|---|---|
"""
ROW = "| {method} | {base:.1f} | {new:.1f} | {hm:.1f} | {parameters:,} | {seconds:.0f} |\n"
BARS = {
    "base": ("base classes (trained on)", "#3b6ea8"),
    "new": ("new classes (never trained on)", "#e08b3e"),
    "hm": ("harmonic mean", "#5d6b78"),
}


def table(rows: Sequence[Row]) -> str:
    """In Markdown."""
    return HEADER + "".join(ROW.format(**row) for row in rows)


def draw(rows: Sequence[Row], dataset: Path, split: str, path: Path) -> None:
    """Draw an image of each class, and below them the accuracies of each method as bars.

    Args:
        dataset: its folder, with `images`.
        split: the name of its split file.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(10, 5.6), dpi=150)
    grid = figure.add_gridspec(2, 1, height_ratios=[1, 2])
    strip, chart = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    test = json.loads((dataset / split).read_text(encoding="utf-8"))["test"]
    first = {name: dataset / "images" / image for image, _, name in reversed(test)}
    axes = strip.subplots(2, (len(first) + 1) // 2).flat
    for axis, name in zip(axes, sorted(first), strict=False):
        axis.imshow(plt.imread(first[name]))
        axis.set_title(name.replace("_", "\n"), fontsize=6, pad=2, y=-0.1, va="top")
    for axis in strip.axes:
        axis.axis("off")
    strip.subplots_adjust(left=0.03, right=0.97, top=0.97, bottom=0.12)
    _draw_bars(chart.subplots(), rows)
    chart.subplots_adjust(left=0.08, right=0.97, top=0.97, bottom=0.11)
    figure.savefig(path)
    plt.close(figure)


def _draw_bars(axis: "Axes", rows: Sequence[Row]) -> None:
    width, (names, numbers) = 0.26, (11, 9) if len(rows) <= 4 else (9, 7.5)  # font sizes
    for k, (key, (label, colour)) in enumerate(BARS.items()):
        positions = [i + (k - 1) * width for i in range(len(rows))]
        values = [float(row[key]) for row in rows]
        bars = axis.bar(positions, values, width * 0.94, color=colour, label=label)
        axis.bar_label(bars, fmt="%.1f", fontsize=numbers, padding=2)
    axis.set_xticks(range(len(rows)), [str(row["method"]) for row in rows], fontsize=names)
    axis.set_ylabel("accuracy, %")
    axis.set_ylim(0, 1.18 * max(float(row[key]) for row in rows for key in BARS))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, ncols=3, fontsize=9, loc="upper center")
