"""The table and the figure of demo.py."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Some keys of COLUMNS, with None where a method has no value; "spread": standard deviations by key.
Row = Mapping[str, Any]

COLUMNS = {  # heading and format
    "method": ("method", ""),
    "base": ("base", ".1f"),
    "new": ("new", ".1f"),
    "hm": ("harmonic mean", ".1f"),
    "parameters": ("trained parameters", ","),
    "seconds": ("seconds", ".0f"),
    "memory": ("GiB", ".2f"),
    "knowledge": ("test-time knowledge", ""),
}
BARS = {
    "base": ("base classes (trained on)", "#3b6ea8"),
    "new": ("new classes (never trained on)", "#e08b3e"),
    "hm": ("harmonic mean", "#5d6b78"),
}


def table(rows: Sequence[Row]) -> str:
    """In Markdown."""
    columns = [key for key in COLUMNS if key in rows[0]]
    lines = [[COLUMNS[key][0] for key in columns], ["---"] * len(columns)]
    lines += [[_cell(row, key) for key in columns] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(row: Row, key: str) -> str:
    form, spread = COLUMNS[key][1], row.get("spread", {})
    if row[key] is None:
        return "-"
    return format(row[key], form) + (f" ± {spread[key]:{form}}" if key in spread else "")


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
    bottom = 0.11 if len(rows) <= 8 else 0.3  # room for turned names
    chart.subplots_adjust(left=0.08, right=0.97, top=0.97, bottom=bottom)
    figure.savefig(path)
    plt.close(figure)


def _draw_bars(axis: "Axes", rows: Sequence[Row]) -> None:
    width, few = 0.26, len(rows) <= 4
    for k, (key, (label, colour)) in enumerate(BARS.items()):
        there = [(i, value) for i, row in enumerate(rows) if (value := row[key]) is not None]
        positions = [i + (k - 1) * width for i, _ in there]
        values = [float(value) for _, value in there]
        spread = [rows[i].get("spread", {}).get(key, math.nan) for i, _ in there]
        errors = {"yerr": spread, "ecolor": "#2b333b", "capsize": 3}
        bars = axis.bar(positions, values, width * 0.94, color=colour, label=label, **errors)
        if len(rows) <= 8:  # more numbers than that would overlap
            axis.bar_label(bars, fmt="%.1f", fontsize=9 if few else 7.5, padding=2)
    names = [str(row["method"]).replace("ExtrasLinearProbe", "DePT on ") for row in rows]
    turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if len(rows) > 8 else {}
    axis.set_xticks(range(len(rows)), names, fontsize=11 if few else 9, **turned)
    axis.set_ylabel("accuracy, %")
    axis.set_ylim(0, 1.18 * max(float(row[key] or 0) for row in rows for key in BARS))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, ncols=3, fontsize=9, loc="upper center")
