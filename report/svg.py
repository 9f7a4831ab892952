"""Plots as SVG. Colours, fonts and line styles are CSS classes of templates/style.css."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

Point = tuple[float, float]

LEFT, RIGHT, TOP, BOTTOM = 42, 12, 8, 20  # margins in pixels; right half an epoch of three digits
TITLE = 16  # pixels for an axis title


class Axis(NamedTuple):
    """The values of one direction of a plot, and the labels of some of them."""

    low: float
    high: float
    labels: Mapping[float, str]
    title: str = ""


def from_zero(high: float, most: int = 4) -> Axis:
    """An axis from 0 to the first round value from `high` on, with `most` + 1 labels at most."""
    if high <= 0 or not math.isfinite(high):
        high = 1.0
    step = _round_step(high, most)
    values = [i * step for i in range(math.ceil(high / step - 1e-9) + 1)]
    return Axis(0.0, values[-1], {value: number(value) for value in values})


def around(percents: Sequence[float], most: int = 5, title: str = "") -> Axis:
    """An axis with some air around values in percent, so that a disc at 0 or 100 is whole."""
    margin = max(1.0, 0.12 * (max(percents) - min(percents)))
    low, high = min(percents) - margin, max(percents) + margin
    labels = ticks(max(low, 0.0), min(high, 100.0), most)
    return Axis(low, high, {value: number(value) for value in labels}, title)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round values from `low` to `high`, at most `most` + 1 of them."""
    step = _round_step(high - low, most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def _round_step(span: float, most: int) -> float:
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(s * power for s in (1, 2, 2.5, 5, 10, 20) if s * power * most >= span * (1 - 1e-9))


def number(value: float) -> str:
    """Three digits at most: 0.574, 6.12e-5."""
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


class Plot:
    """Axes with a horizontal grid, to draw on in the units of the axes.

    A template shows it by `{{ plot }}`.

    Args:
        name: read aloud in place of the drawing.
    """

    def __init__(self, name: str, x: Axis, y: Axis, width: int = 250, height: int = 132):
        self._x, self._y = x, y
        self._left, self._right = LEFT + (TITLE if y.title else 0), width - RIGHT
        self._top, self._bottom = TOP, height - BOTTOM - (TITLE if x.title else 0)
        view = f"0 0 {width} {height}"
        self._root = Element("svg", {"viewBox": view, "role": "img", "aria-label": name})
        for value, label in y.labels.items():
            height_of_it = self._at(0, value)[1]
            self._add("path", "grid", d=f"M{self._left} {height_of_it:.1f}H{self._right}")
            self._write(self._left - 6, height_of_it + 3.5, label, anchor="end")
        for value, label in x.labels.items():
            self._write(self._at(value, 0)[0], self._bottom + 13, label)
        if x.title:
            self._write((self._left + self._right) / 2, height - 5, x.title)
        if y.title:
            middle = (self._top + self._bottom) / 2
            turned = self._write(11, middle, y.title)
            turned.set("transform", f"rotate(-90 11 {middle:.1f})")

    def __html__(self) -> str:
        return tostring(self._root, encoding="unicode")

    def line(self, points: Sequence[Point], style: str = "", steps: bool = False) -> None:
        """Join the points; with `steps` the line stays at a value until the next one."""
        if points:
            (x, y), *rest = [self._at(*point) for point in points]
            joined = (f"H{x:.1f}V{y:.1f}" if steps else f"L{x:.1f} {y:.1f}" for x, y in rest)
            self._add("path", f"line {style}", d=f"M{x:.1f} {y:.1f}{''.join(joined)}")

    def dots(self, points: Iterable[Point]) -> None:
        """Small, faint dots, all in one path."""
        marks = "".join("M{:.1f} {:.1f}h0".format(*self._at(*point)) for point in points)
        if marks:
            self._add("path", "dots", d=marks)

    def point(self, point: Point, title: str, style: str = "", radius: float = 3) -> None:
        """A disc that shows its title under the mouse."""
        x, y = self._at(*point)
        disc = self._add("circle", f"point {style}", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{radius:g}")
        SubElement(disc, "title").text = title

    def cell(self, point: Point, content: str, shade: float) -> None:
        """A rectangle of one unit each way around the point; `shade` is from 0 to 1."""
        left, top = self._at(point[0] - 0.5, point[1] + 0.5)
        right, bottom = self._at(point[0] + 0.5, point[1] - 0.5)
        sizes = {"width": f"{right - left - 2:.1f}", "height": f"{bottom - top - 2:.1f}"}
        place = {"x": f"{left + 1:.1f}", "y": f"{top + 1:.1f}"}
        self._add("rect", "cell", **place, **sizes, **{"fill-opacity": f"{0.1 + 0.6 * shade:.2f}"})
        self._write((left + right) / 2, (top + bottom) / 2 + 3.5, content)

    def error_bar(self, point: Point, spread: float, style: str = "") -> None:
        """A vertical bar from `spread` below the point to `spread` above it."""
        x, low = self._at(point[0], point[1] - spread)
        high = self._at(point[0], point[1] + spread)[1]
        caps = "".join(f"M{x - 2.5:.1f} {y:.1f}h5" for y in (low, high))
        self._add("path", f"line error {style}", d=f"M{x:.1f} {low:.1f}V{high:.1f}{caps}")

    def text(self, point: Point, content: str) -> None:
        """Text that ends above the point."""
        x, y = self._at(*point)
        self._write(x, y - 7, content, anchor="end")

    def _at(self, x: float, y: float) -> Point:
        """Pixels from the left and from the top."""
        right, up = (
            (value - axis.low) / (axis.high - axis.low)
            for value, axis in ((x, self._x), (y, self._y))
        )
        return (
            self._left + right * (self._right - self._left),
            self._bottom - up * (self._bottom - self._top),
        )

    def _write(self, x: float, y: float, content: str, anchor: str = "middle") -> Element:
        text = SubElement(self._root, "text", x=f"{x:.1f}", y=f"{y:.1f}")
        text.set("text-anchor", anchor)
        text.text = content
        return text

    def _add(self, tag: str, style: str, **attributes: str) -> Element:
        return SubElement(self._root, tag, {"class": style.strip(), **attributes})
