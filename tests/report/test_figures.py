"""What the figures show, against values by hand."""

import math
import re

import pytest

from report import figures, svg
from report.results import Cells, Seeds
from runs.results import harmonic_mean
from tests.report.made import Page


def content_of(plot):
    Page(plot.__html__())
    return plot.__html__()


def titles(plot):
    return re.findall("<title>(.*?)</title>", content_of(plot))


def test_a_curve_leaves_out_what_is_not_finite():
    dots, line = [(0.5, 2.0), (1.0, math.nan)], [(1.0, 4.0), (2.0, 1.0), (3.0, math.inf)]
    plot = figures.over_epochs("loss", 2, line, dots)
    assert titles(plot) == ["epoch 1: 4", "epoch 2: 1"]
    content = content_of(plot)
    assert content.count("h0") == 1 and "nan" not in content and "inf" not in content
    x, y = map(float, re.search(r'<path class="line" d="M([\d.]+) ([\d.]+)L', content).groups())
    assert (x, y) == ((svg.LEFT + 250 - svg.RIGHT) / 2, svg.TOP)  # the middle, the top
    assert content.count("unseen") == 1  # the last point is drawn


def test_steps_have_no_points():
    assert titles(figures.over_epochs("lr", 2, [(1.0, 0.1), (2.0, 0.2)], steps=True)) == []


def test_an_epoch_of_three_digits_is_inside_the_drawing():
    content = content_of(figures.over_epochs("loss", 200, [(1.0, 1.0)]))
    (x,) = re.findall(r'<text x="([\d.]+)" [^>]*>200</text>', content)
    assert float(x) + 3 * 6.4 / 2 <= 250  # ten pixels high


def test_many_dots_are_thinned():
    plot = figures.over_epochs("loss", 1, [], [(i / 5000, 1.0) for i in range(5000)])
    assert content_of(plot).count("h0") == 1000


def test_base_and_new_with_the_papers_points():
    ours = Cells(
        {("one", "base"): Seeds({1: 80.0}), ("one", "new"): Seeds({1: 70.0})}
        | {("two", "base"): Seeds({1: 60.0}), ("two", "new"): Seeds({1: 60.0, 2: 62.0})}
        | {("three", "base"): Seeds({1: 1.0})}  # without new classes it does not count
    )
    figure = figures.base_and_new({"PromptSRC": ours, "Mine (c)": ours})
    assert figure.legend == [
        ("m0", "PromptSRC"),
        ("paper m0", "PromptSRC, paper"),
        ("m1", "Mine (c)"),
    ]
    ((_, plot),) = figure.plots
    assert titles(plot) == [
        "PromptSRC: base 70.00, new 65.50, HM 67.68",
        "PromptSRC, paper: base 84.26, new 76.10, HM 79.97",
        "Mine (c): base 70.00, new 65.50, HM 67.68",
    ]


def test_lines_of_equal_harmonic_mean():
    assert figures._partner(84.26, harmonic_mean(84.26, 76.10)) == pytest.approx(76.10)
    assert figures._partner(30.0, 60.0) == math.inf
    cells = Cells({("one", "base"): Seeds({1: 80.0}), ("one", "new"): Seeds({1: 70.0})})
    ((_, plot),) = figures.base_and_new({"Mine": cells, "Same": cells}).plots
    labels = re.findall(r">HM ([\d.]+)</text>", content_of(plot))
    assert labels == ["74", "74.5", "75", "75.5"]  # of the point: 74.67
    heights = [
        float(y) for y in re.findall(r'class="line equal" d="M[\d.]+ ([\d.]+)', content_of(plot))
    ]
    assert all(svg.TOP - 0.1 <= y <= 360 - svg.BOTTOM - svg.TITLE + 0.1 for y in heights)


def half_by_half(base, new):
    return Cells({("one", "base"): Seeds({1: base}), ("one", "new"): Seeds({1: new})})


def test_one_method_has_no_scatter():
    """Nor with the paper's point beside it: the table has the same values."""
    cells = half_by_half(80.0, 70.0)
    assert figures.base_and_new({"PromptSRC": cells}) is None
    half = Cells({("one", "base"): Seeds({1: 80.0})})
    assert figures.base_and_new({"Mine": cells, "Unfinished": half}) is None
    assert len(figures.base_and_new({"Mine": cells, "Other": cells}).legend) == 2


def discs(plot):
    """(x, y, radius with the stroke) of each point, in pixels."""
    found = re.findall(r'<circle class="point[^"]*" cx="(.*?)" cy="(.*?)" r="(.*?)"', plot)
    return [(float(x), float(y), float(r) + 0.8) for x, y, r in found]


@pytest.mark.parametrize(
    "one, other", [((0, 0), (100, 100)), ((0, 100), (100, 0)), ((0, 0), (0, 0)), ((100, 100),) * 2]
)
def test_points_at_0_and_100_are_whole_and_clear_of_the_labels(one, other):
    figure = figures.base_and_new({"A": half_by_half(*one), "B": half_by_half(*other)})
    content = content_of(figure.plots[0][1])
    left, bottom = svg.LEFT + svg.TITLE, 360 - svg.BOTTOM - svg.TITLE
    assert len(discs(content)) == 2
    for x, y, r in discs(content):
        assert left <= x - r and x + r <= 520 - svg.RIGHT
        assert y - r >= svg.TOP and y + r <= bottom
    labels = re.findall(r'text-anchor="(?:end|middle)">([\d.-]+)</text>', content)
    assert all(0 <= float(label) <= 100 for label in labels)


def test_few_shot_points_at_0_and_100_are_whole_with_their_error_bars():
    ours = Cells({("own", "1"): Seeds({1: 0.0}), ("own", "4"): Seeds({1: 100.0, 2: 90.0})})
    plots = dict(figures.few_shot({"Mine": ours}).plots)
    content = content_of(plots["own"])
    assert all(y - r >= svg.TOP and y + r <= 150 - svg.BOTTOM for _, y, r in discs(content))
    ((_, top),) = re.findall(r'class="line error m0" d="M[\d.]+ ([\d.]+)V([\d.]+)M', content)
    assert float(top) >= svg.TOP  # 95 ± 5


def test_no_complete_dataset_no_figure():
    assert figures.base_and_new({"Mine": Cells({("one", "base"): Seeds({1: 80.0})})}) is None
    assert figures.base_and_new({}) is figures.few_shot({}) is None


def test_few_shot_plots_with_error_bars_and_the_paper():
    ours = Cells(
        {
            ("dtd", "1"): Seeds({1: 50.0, 2: 60.0}),
            ("dtd", "16"): Seeds({1: 70.0}),
            ("own", "16"): Seeds({1: 80.0}),
        }
    )
    figure = figures.few_shot({"PromptSRC": ours})
    assert figure.legend == [("m0", "PromptSRC"), ("paper m0", "PromptSRC, paper")]
    plots = dict(figure.plots)
    assert list(plots) == ["Average", "DTD", "own"]
    assert titles(plots["own"]) == ["PromptSRC, 16-shot: 80.00"]
    assert titles(plots["DTD"])[-2:] == ["PromptSRC, 1-shot: 55.00", "PromptSRC, 16-shot: 70.00"]
    assert titles(plots["DTD"])[0].startswith("PromptSRC, paper, 1-shot: ")
    dtd = content_of(plots["DTD"])
    assert dtd.count("line error m0") == 1  # of 1 shot: two seeds
    assert dtd.count('class="line paper m0"') == 1
    # the average is over all datasets: not one of ours is complete
    assert {title.split(",")[1] for title in titles(plots["Average"])} == {" paper"}


def test_shots_are_at_equal_distances_from_zero():
    assert [figures._place(k) for k in (0, 1, 2, 4, 8, 16)] == [0, 1, 2, 3, 4, 5]
