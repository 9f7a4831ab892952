"""Axes and curves."""

import re

import pytest

from report import svg


@pytest.mark.parametrize(
    "high, expected",
    [
        (5.9, [0, 2, 4, 6]),
        (100, [0, 25, 50, 75, 100]),
        (0.0025, [0, 0.001, 0.002, 0.003]),
        (0.0, [0, 1]),
        (float("nan"), [0, 1]),
        (1.0, [0, 0.25, 0.5, 0.75, 1.0]),
    ],
)
def test_ticks_are_round_and_reach_the_top(high, expected):
    assert svg.ticks(high, 4) == pytest.approx(expected)


@pytest.mark.parametrize(
    "high", [10**k * f for k in range(-7, 6) for f in (1, 1.01, 1.99, 2.6, 4.2, 5, 7.7, 9.99)]
)
def test_there_are_never_too_many(high):
    found = svg.ticks(high, 4)
    assert len(found) <= 5 and found[-2] < high <= found[-1] * (1 + 1e-9)


def test_numbers_are_short():
    assert list(map(svg.number, (0.0025, 6.12e-5, 1.0, 100.0, 0.57435))) == [
        "0.0025",
        "6.12e-5",
        "1",
        "100",
        "0.574",
    ]


def test_the_last_epoch_stands_inside_the_drawing():
    drawing = svg.curve([], [(1.0, 1.0)], 200, "loss")
    (x,) = re.findall(r'<text x="([\d.]+)" [^>]*>200</text>', drawing)
    assert float(x) + 3 * 6.4 / 2 <= svg.WIDTH  # three digits of 10 pixels' height


def test_a_curve_has_its_points_and_leaves_out_what_is_no_number():
    drawing = svg.curve([(0.5, 2.0), (1.0, float("nan"))], [(1.0, 4.0), (2.0, 1.0)], 2, "loss")
    assert re.findall("<title>(.*?)</title>", drawing) == ["epoch 1: 4", "epoch 2: 1"]
    assert drawing.count("h0") == 1 and "nan" not in drawing
    x, y = map(float, re.search(r'<path class="line" d="M([\d.]+) ([\d.]+)L', drawing).groups())
    assert (
        x == svg.LEFT + (svg.WIDTH - svg.LEFT - svg.RIGHT) / 2 and y == svg.TOP
    )  # the middle, the top


def test_many_dots_are_thinned():
    drawing = svg.curve([(i / 5000, 1.0) for i in range(5000)], [], 1, "loss")
    assert drawing.count("h0") == 1000
