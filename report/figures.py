"""The figures of both reports."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from report import paper
from report.results import Cells, Result, both_halves, expected
from report.scores import Bin
from report.svg import Axis, Plot, Point, around, from_zero, ticks
from report.table import TITLES
from runs.results import harmonic_mean

MOST_DOTS = 1000
COLOURS = 8  # CSS classes m0 to m7
CONFIDENCE, ACCURACY = (  # with air for the discs at 0 and 100
    Axis(-4, 104, {value: str(value) for value in (0, 25, 50, 75, 100)}, title)
    for title in ("confidence, %", "accuracy, %")
)
RELIABILITY = [("m0", "base"), ("m1", "new"), ("m2", "all")]  # CSS class and tested classes


class Figure(NamedTuple):
    """Plots by title that share a legend: CSS class and name of each entry."""

    title: str
    caption: str
    legend: list[tuple[str, str]]
    plots: list[tuple[str, Plot]]


def over_epochs(
    name: str,
    epochs: int,
    line: Sequence[Point],
    dots: Sequence[Point] = (),
    top: float | None = None,
    steps: bool = False,
) -> Plot:
    """Values over epochs: a line with a title at each point, and dots.

    Args:
        epochs: where the axis ends.
        top: where the vertical axis ends; by default it holds all points.
        steps: the line stays at a value until the next one, and has no titles.
    """
    line, dots = ([p for p in points if math.isfinite(p[1])] for points in (line, dots))
    labels = {t: f"{t:g}" for t in ticks(0, epochs, 5) if t == int(t)}
    y = from_zero(top or max((value for _, value in [*dots, *line]), default=1.0))
    plot = Plot(name, Axis(0, epochs, labels), y)
    plot.dots(dots[:: math.ceil(len(dots) / MOST_DOTS)] if dots else [])
    plot.line(line, steps=steps)
    for point in [] if steps else line:
        last = point == line[-1]
        title = f"epoch {math.ceil(point[0])}: {point[1]:g}"
        plot.point(point, title, "" if last else "unseen", 3 if last else 6)
    return plot


def heat_map(name: str, rows: Axis, columns: Axis, values: Mapping[Point, float]) -> Plot:
    """Values in percent by (column, row), whole numbers on both axes; the darker, the higher."""
    width, height = 80 + 56 * len(columns.labels), 50 + 30 * len(rows.labels)
    plot = Plot(name, columns, rows, width, height)
    low, high = min(values.values()), max(values.values())
    for point, value in values.items():
        plot.cell(point, f"{value:.1f}", (value - low) / (high - low) if high > low else 0.5)
    return plot


def base_and_new(methods: dict[str, Cells]) -> Figure | None:
    """Base against new accuracy: filled points are ours, hollow ones the papers'.

    One method alone is not drawn: its table says the same.
    """
    legend, points, drawn = [], [], set()
    for i, (method, cells) in enumerate(methods.items()):
        names = both_halves(cells, expected(cells, "base2new"))
        ours = [cells.average(names, part) for part in ("base", "new")]
        theirs = [paper.average("base2new", method, part) for part in ("base", "new")]
        for entry, (base, new) in zip(_entries(i, method), (ours, theirs), strict=True):
            if base is not None and new is not None:
                legend.append(entry)
                points.append((base, new))
                drawn.add(method)
    if len(drawn) < 2:
        return None
    x = around([base for base, _ in points], 10, "base classes, accuracy %")
    y = around([new for _, new in points], 10, "new classes, accuracy %")
    plot = Plot("new against base accuracy", x, y, 520, 360)
    _equal_harmonic_means(plot, x, y)
    for (style, label), point in zip(legend, points, strict=True):
        hm = harmonic_mean(*point)
        title = f"{label}: base {point[0]:.2f}, new {point[1]:.2f}, HM {hm:.2f}"
        plot.point(point, title, style, 5)
    caption = "Averages over the datasets. Grey lines join points of equal harmonic mean (HM)."
    return Figure("Base and new classes", caption, legend, [("", plot)])


def _entries(index: int, method: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Our entry of the legend and the paper's: CSS classes and names."""
    style = f"m{index % COLOURS}"
    return (style, method), (f"paper {style}", f"{method}, paper")


def _equal_harmonic_means(plot: Plot, x: Axis, y: Axis) -> None:
    (left, right), (low, high) = ((max(a.low, 0.0), min(a.high, 100.0)) for a in (x, y))
    for hm in ticks(harmonic_mean(left, low), harmonic_mean(right, high), 8):
        start, end = max(left, _partner(high, hm)), min(right, _partner(low, hm))
        if 0 < start < end:
            first, last = start - hm / 2, end - hm / 2  # of a hyperbola: as dense where it is steep
            bases = [hm / 2 + first * (last / first) ** (i / 30) for i in range(31)]
            plot.line([(base, _partner(base, hm)) for base in bases], "equal")
            if end - start > 0.15 * (right - left):
                plot.text((end, _partner(end, hm)), f"HM {hm:g}")


def _partner(value: float, hm: float) -> float:
    """The value whose harmonic mean with this one is `hm`."""
    return hm * value / (2 * value - hm) if 2 * value > hm else math.inf


def reliability(methods: Mapping[str, Sequence[Result]]) -> Figure | None:
    """Accuracy over confidence of base-to-new, by method: on base, new and all classes."""
    plots = []
    for method, runs in methods.items():
        plot = Plot(f"accuracy over confidence, {method}", CONFIDENCE, ACCURACY, height=224)
        plot.line([(0, 0), (100, 100)], "equal")
        drawn = [_reliable(plot, runs, *entry) for entry in RELIABILITY]
        plots += [(method, plot)] if any(drawn) else []
    caption = (
        "Accuracy over confidence, the top probability, both in percent: means of 15 bins of equal "
        "width over the images of all datasets and seeds. The larger a point, the more images. On "
        "the grey line a method is as often right as it says; below it, it is overconfident."
    )
    return Figure("Reliability", caption, RELIABILITY, plots) if plots else None


def _reliable(plot: Plot, runs: Sequence[Result], style: str, tested: str) -> bool:
    """Draw the curve of some images; whether there are any."""
    bins = [b for b in _pooled(runs, tested) if b.images]
    points = [(100 * b.confidence, 100 * b.accuracy) for b in bins]
    total = sum(b.images for b in bins)
    plot.line(points, style)
    for point, b in zip(points, bins, strict=True):
        title = f"{tested}: confidence {point[0]:.1f}, accuracy {point[1]:.1f}, {b.images:,} images"
        plot.point(point, title, style, 1 + 4 * math.sqrt(b.images / total))
    return bool(bins)


def _pooled(runs: Sequence[Result], tested: str) -> list[Bin]:
    """The bins of all runs' images together; a test that two runs have counts once."""
    tests = {
        (run.place.dataset, run.place.seed): run.scores.tests[tested].reliability
        for run in runs
        if run.scores and tested in run.scores.tests
    }
    pooled = []
    for found in zip(*tests.values(), strict=True):
        images = sum(b.images for b in found)
        means = [
            sum(b.images * value for b, value in zip(found, values, strict=True)) / max(images, 1)
            for values in ([b.confidence for b in found], [b.accuracy for b in found])
        ]
        pooled.append(Bin(images, *means))
    return pooled


class _Curve(NamedTuple):
    style: str
    label: str
    points: dict[int, float]  # accuracy by shots
    spread: dict[int, float]


def few_shot(methods: dict[str, Cells]) -> Figure | None:
    """Accuracy over shots, the average first, then each dataset; dashed lines are the papers'."""
    if not methods:
        return None
    there = {name for cells in methods.values() for name, _ in cells}
    names = [name for name in TITLES if name in there] + sorted(there - set(TITLES))
    panels = {
        name: [curve for i, item in enumerate(methods.items()) for curve in _curves(i, *item, name)]
        for name in ("average", *names)
    }
    shots = sorted({k for curves in panels.values() for curve in curves for k in curve.points})
    x = Axis(_place(shots[0]) - 0.2, _place(shots[-1]) + 0.2, {_place(k): str(k) for k in shots})
    plots = [
        ("Average" if name == "average" else TITLES.get(name, name), _panel(name, curves, x))
        for name, curves in panels.items()
        if curves
    ]
    drawn = {(curve.style, curve.label) for curves in panels.values() for curve in curves}
    legend = [
        entry for i, name in enumerate(methods) for entry in _entries(i, name) if entry in drawn
    ]
    caption = (
        "Accuracy in percent over the number of training images a class. "
        "Bars are one standard deviation over seeds."
    )
    return Figure("Few-shot", caption, legend, plots)


def _curves(index: int, method: str, cells: Cells, panel: str) -> list[_Curve]:
    """Ours and the paper's, where they have points."""
    ours = {int(k): cells[name, k] for name, k in cells if name == panel}
    points = {k: ours[k].mean for k in sorted(ours)}
    spread = {k: ours[k].std for k in ours}
    if panel == "average":
        names = expected(cells, "few-shot")
        averages = {k: cells.average(names, str(k)) for k in sorted(int(k) for _, k in cells)}
        points = {k: value for k, value in averages.items() if value is not None}
    published = {k: paper.accuracy("few-shot", method, panel, str(k)) for k in (1, 2, 4, 8, 16)}
    theirs = {k: value.percent for k, value in published.items() if value}
    entries = _entries(index, method)
    both = (_Curve(*entries[0], points, spread), _Curve(*entries[1], theirs, {}))
    return [curve for curve in both if curve.points]


def _panel(name: str, curves: Sequence[_Curve], x: Axis) -> Plot:
    ends = [
        value + sign * curve.spread.get(k, 0.0)
        for curve in curves
        for k, value in curve.points.items()
        for sign in (-1, 1)
    ]
    plot = Plot(f"accuracy over shots, {name}", x, around(ends), height=150)
    for curve in reversed(curves):  # ours over the paper's
        plot.line([(_place(k), value) for k, value in curve.points.items()], curve.style)
        for k, value in curve.points.items():
            if spread := curve.spread.get(k):
                plot.error_bar((_place(k), value), spread, curve.style)
            plot.point((_place(k), value), f"{curve.label}, {k}-shot: {value:.2f}", curve.style)
    return plot


def _place(shots: int) -> float:
    """Where a number of shots stands on the axis: 0, 1, 2, 4, 8, 16 at equal distances."""
    return 1 + math.log2(shots) if shots else 0.0
