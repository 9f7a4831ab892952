"""Figures of demo.py and of the effect study. Rows are those of `study.row`."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runs.embedded import DATA
from tools.embedded.study import AVERAGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Row = Mapping[str, Any]

COLOURS = ("#e08b3e", "#3b6ea8", "#5d6b78")
HALVES = {"base": "base classes\n(trained on)", "new": "new classes\n(not trained)"}
BARS = HALVES | {"hm": "harmonic mean"}
COLUMN, MARGIN = 2.3, 0.55  # inches
SHOWN = 4  # classes of each half


def draw_effect(rows: Sequence[Row], path: Path) -> None:
    """A column for each dataset and for the average: images, and what training changes.

    Args:
        rows: zero-shot CLIP, from which the changes count, and the trained methods.
    """
    names = [*rows[0]["means"]]
    figure = _new_figure((COLUMN * len(names) + MARGIN, 5.6))
    wide = (COLUMN + MARGIN) / COLUMN  # the first one has the axis's numbers
    columns = figure.subfigures(1, len(names), width_ratios=[wide, *[1] * (len(names) - 1)])
    axes = []
    for column, name in zip(columns, names, strict=True):
        pictures, chart = column.subfigures(2, 1, height_ratios=[2, 3.2])
        left = 1 - 0.93 / (1 if axes else wide)
        if name == AVERAGE:
            pictures.text(0.5, 0.55, _summary(rows), ha="center", va="center", fontsize=10)
        else:
            _draw_examples(pictures, name, left)
        axes.append(chart.add_subplot(sharey=axes[0] if axes else None))
        chart.subplots_adjust(left=left, right=0.98, top=0.97, bottom=0.17)
        _draw_changes(axes[-1], rows, name)
    axes[0].set_ylabel("change by training, percentage points", fontsize=9)
    axes[0].legend(frameon=False, fontsize=9)
    for axis in axes[1:]:
        axis.tick_params(labelleft=False)
    _save(figure, path)


def _summary(rows: Sequence[Row]) -> str:
    means = ((row["method"], row["means"][AVERAGE]["hm"]) for row in rows)
    lines = (f"{method}  {value:.1f} %" for method, value in means)
    return "\n".join(["$\\bf{average}$", "", "harmonic mean of", "base and new:", *lines])


def _draw_changes(axis: "Axes", rows: Sequence[Row], name: str) -> None:
    """For both halves of the classes, the change of each method from the first row's accuracy."""
    before, *trained = (row["means"][name] for row in rows)
    width = 0.82 / len(trained)
    for k, (row, means) in enumerate(zip(rows[1:], trained, strict=True)):
        changes = [means[half] - before[half] for half in HALVES]
        spreads = [row["spreads"][name][half] if row["spreads"] else math.nan for half in HALVES]
        positions = [i + (k - (len(trained) - 1) / 2) * width for i in range(len(HALVES))]
        about = {"color": COLOURS[k], "ecolor": "#2b333b", "capsize": 2.5}
        bars = axis.bar(
            positions, changes, width * 0.94, yerr=spreads, label=row["method"], **about
        )
        axis.bar_label(bars, fmt="%+.1f", fontsize=7.5, padding=2)
    labels = [f"{text}\nCLIP: {before[half]:.1f} %" for half, text in HALVES.items()]
    axis.set_xticks(range(len(HALVES)), labels, fontsize=8)
    axis.axhline(0, color="#2b333b", linewidth=0.8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(axis="x", length=0)
    axis.margins(y=0.16)


def draw_methods(rows: Sequence[Row], path: Path) -> None:
    """Images of the datasets, and below them the average accuracies of each method as bars.

    A dotted line is the harmonic mean of zero-shot CLIP.
    """
    figure = _new_figure((10, 5.6))
    pictures, chart = figure.subfigures(2, 1, height_ratios=[1, 1.8])
    names = [name for name in rows[0]["means"] if name != AVERAGE]
    parts = pictures.subfigures(1, len(names), squeeze=False).flat
    for part, name in zip(parts, names, strict=True):
        _draw_examples(part, name)
    axis, width = chart.subplots(), 0.26
    for k, (key, label) in enumerate(BARS.items()):
        values = [row["means"][AVERAGE][key] or math.nan for row in rows]
        positions = [i + (k - 1) * width for i in range(len(rows))]
        text = label.replace("\n", " ")
        axis.bar(positions, values, width * 0.94, color=COLOURS[k], label=text)
    for clip in (row["means"][AVERAGE] for row in rows if row["method"] == "ZeroshotCLIP"):
        axis.axhline(clip["hm"], color=COLOURS[2], linestyle=":", label="harmonic mean of CLIP")
    methods = [str(row["method"]).replace("ExtrasLinearProbe", "DePT on ") for row in rows]
    turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    axis.set_xticks(range(len(rows)), methods, fontsize=9, **turned)
    axis.set_ylabel("accuracy, mean of the datasets, %")
    axis.margins(x=0.01, y=0.18)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, ncols=4, fontsize=9, loc="upper center")
    chart.subplots_adjust(left=0.08, right=0.97, top=0.97, bottom=0.3)
    _save(figure, path)


def _draw_examples(figure: "SubFigure", name: str, left: float = 0.04) -> None:
    """Test images of a dataset: a row of base classes above one of new classes."""
    import matplotlib.pyplot as plt

    halves = [*_examples(DATA / name)]
    title = f"{name}: {len(halves[0])} base classes,\n{len(halves[1])} new ones below"
    figure.text((left + 0.97) / 2, 0.98, title, ha="center", va="top", fontsize=9)
    for row, half in zip(figure.subplots(len(halves), SHOWN), halves, strict=True):
        for axis, (file, label) in zip(row, half, strict=False):
            axis.imshow(plt.imread(file), cmap="gray")
            axis.set_title(label.replace(" ", "\n", 1), fontsize=5, pad=2, y=-0.1, va="top")
    for axis in figure.axes:
        axis.axis("off")
    figure.subplots_adjust(left=left, right=0.97, top=0.82, bottom=0.1, wspace=0.1, hspace=0.35)


def _examples(folder: Path) -> Iterable[list[tuple[Path, str]]]:
    """The first test image of each base class, and of each new class, with the class's name."""
    (split,) = folder.glob("split_zhou_*.json")
    test = json.loads(split.read_text(encoding="utf-8"))["test"]
    first = {label: (folder / "images" / file, name) for file, label, name in reversed(test)}
    labels = sorted(first)
    half = math.ceil(len(labels) / 2)
    for part in (labels[:half], labels[half:]):
        yield [(first[label][0], first[label][1].replace("_", " ")) for label in part]


def _new_figure(size: tuple[float, float]) -> "Figure":
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt.figure(figsize=size, dpi=150)


def _save(figure: "Figure", path: Path) -> None:
    import matplotlib.pyplot as plt

    figure.savefig(path)
    plt.close(figure)
