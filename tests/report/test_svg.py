"""Axes, and marks in the units of the axes."""

import re

import pytest

from report import svg
from report.svg import Axis, Plot
from tests.report.made import Page

X, Y = Axis(0, 10, {5: "five"}), Axis(0, 100, {0: "0", 100: "100"})
LEFT, RIGHT, TOP, BOTTOM = svg.LEFT, 250 - svg.RIGHT, svg.TOP, 132 - svg.BOTTOM


def drawn(draw, x=X, y=Y):
    plot = Plot("a <plot>", x, y)
    draw(plot)
    Page(plot.__html__())
    return plot.__html__()


@pytest.mark.parametrize(
    "high, expected",
    [
        (5.9, [0, 2, 4, 6]),
        (100, [0, 25, 50, 75, 100]),
        (0.0025, [0, 0.001, 0.002, 0.003]),
        (0.0, [0, 0.25, 0.5, 0.75, 1]),
        (float("nan"), [0, 0.25, 0.5, 0.75, 1]),
        (1.0, [0, 0.25, 0.5, 0.75, 1.0]),
    ],
)
def test_an_axis_from_zero_has_round_values_and_reaches_the_top(high, expected):
    axis = svg.from_zero(high)
    assert list(axis.labels) == pytest.approx(expected) and axis.high == max(axis.labels)


@pytest.mark.parametrize(
    "high", [10**k * f for k in range(-7, 6) for f in (1, 1.01, 1.99, 2.6, 4.2, 5, 7.7, 9.99)]
)
def test_labels_are_never_too_many(high):
    found = list(svg.from_zero(high).labels)
    assert len(found) <= 5 and found[-2] < high <= found[-1] * (1 + 1e-9)


@pytest.mark.parametrize(
    "percents, low, high, labels",
    [
        ([62.0, 76.0], 60.32, 77.68, ["65", "70", "75"]),
        ([50.0], 49.0, 51.0, ["49", "49.5", "50", "50.5", "51"]),
        ([0.0, 100.0], -12.0, 112.0, ["0", "20", "40", "60", "80", "100"]),
    ],
)
def test_an_axis_around_values_has_air_and_labels_from_0_to_100(percents, low, high, labels):
    axis = svg.around(percents)
    assert (axis.low, axis.high) == pytest.approx((low, high))
    assert list(axis.labels.values()) == labels


def test_numbers_are_short():
    numbers = (0.0025, 6.12e-5, 1.0, 100.0, 0.57435)
    assert [svg.number(value) for value in numbers] == ["0.0025", "6.12e-5", "1", "100", "0.574"]


def test_lines_and_steps_are_where_the_axes_say():
    points = [(0.0, 0.0), (5.0, 100.0), (10.0, 50.0)]
    middle_x, middle_y = (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2
    line = drawn(lambda plot: plot.line(points, "m1"))
    assert (
        f'class="line m1" d="M{LEFT}.0 {BOTTOM}.0L{middle_x} {TOP}.0L{RIGHT}.0 {middle_y}"' in line
    )
    steps = drawn(lambda plot: plot.line(points, steps=True))
    assert f'd="M{LEFT}.0 {BOTTOM}.0H{middle_x}V{TOP}.0H{RIGHT}.0V{middle_y}"' in steps
    assert 'class="line"' in steps


def test_error_bars_reach_from_one_spread_below_to_one_above():
    bar = drawn(lambda plot: plot.error_bar((5.0, 50.0), 50.0))
    middle = (LEFT + RIGHT) / 2
    caps = f"M{middle - 2.5} {BOTTOM}.0h5M{middle - 2.5} {TOP}.0h5"
    assert f'd="M{middle} {BOTTOM}.0V{TOP}.0{caps}"' in bar


def test_a_cell_is_one_unit_each_way_and_darker_for_more():
    x, y = Axis(-0.5, 1.5, {0: "a", 1: "b"}), Axis(-0.5, 0.5, {0: "c"})
    content = drawn(lambda plot: plot.cell((1, 0), "47.3", 1.0), x, y)
    (left, top, width, height, opacity) = (
        float(re.search(rf'<rect [^>]*\b{name}="([\d.]+)"', content)[1])
        for name in ("x", "y", "width", "height", "fill-opacity")
    )
    assert (left, width) == ((LEFT + RIGHT) / 2 + 1, (RIGHT - LEFT) / 2 - 2)
    assert (top, height) == (TOP + 1, BOTTOM - TOP - 2)
    assert opacity == 0.7 and ">47.3</text>" in content


def test_names_and_titles_are_escaped():
    content = drawn(lambda plot: plot.point((5.0, 50.0), "<b>&", "m2"))
    assert 'aria-label="a &lt;plot&gt;"' in content and "<title>&lt;b&gt;&amp;</title>" in content


def test_nothing_to_draw():
    empty = drawn(lambda plot: None)
    assert drawn(lambda plot: (plot.line([]), plot.dots([]))) == empty


def test_an_axis_title_takes_its_own_place():
    content = drawn(lambda plot: None, X._replace(title="right"), Y._replace(title="up"))
    (left, right) = re.search(r'class="grid" d="M(\d+) [\d.]+H(\d+)"', content).groups()
    assert (int(left), int(right)) == (LEFT + svg.TITLE, RIGHT)
    assert ">right</text>" in content and "rotate(-90" in content
