"""Accuracies of prompt averages as a table and as heat maps, against values by hand."""

import re

import pytest

from report import averages
from report.results import Seeds
from tests.report.made import Page

FOUND = {
    (5.0, 1.0): {"base": Seeds({0: 80.0, 1: 82.0}), "new": Seeds({0: 70.0, 1: 74.0})},
    (15.0, 1.0): {"base": Seeds({0: 84.0, 1: 84.0}), "new": Seeds({0: 60.0, 1: 64.0})},
}
HM = [2 * 81 * 72 / 153, 2 * 84 * 62 / 146]  # of the means over both runs


def test_the_table_has_means_over_the_runs():
    table = averages.table(FOUND, "test", ["Of a, b"])
    assert table.header == ["GPA_MEAN, GPA_STD", "Base", "New", "HM"]
    assert table.rows == [
        ["5, 1", "81.00 ± 1.00", "72.00 ± 2.00", f"{HM[0]:.2f}"],
        ["15, 1", "84.00 ± 0.00", "62.00 ± 2.00", f"{HM[1]:.2f}"],
    ]
    assert table.notes == ["Of a, b", averages.CAUTION["test"]]


@pytest.mark.parametrize("split", ["val", "test"])
def test_the_page_has_a_map_for_each_part_and_says_which_images(split):
    content = averages.page(FOUND, split, ["Of a, b", "Trained with 15, 1"])
    page = Page(content)
    assert page.tags.count("svg") == 3 and page.tags.count("rect") == 6
    assert {"Base", "New", "HM", averages.CAUTION[split]} <= {*page.text}
    opacities = re.findall(r'fill-opacity="([\d.]+)"', content)
    assert opacities == ["0.10", "0.70", "0.70", "0.10", "0.70", "0.10"]


def test_equal_accuracies_of_all_classes():
    found = {(m, 1.0): {"all": Seeds({0: 50.0})} for m in (1.0, 2.0)}
    assert averages.table(found, "val", []).rows == [["1, 1", "50.00"], ["2, 1", "50.00"]]
    assert re.findall(r'fill-opacity="([\d.]+)"', averages.page(found, "val", [])) == ["0.40"] * 2
