"""The published accuracies against each other, and the spread of re-runs by hand."""

import pytest

from report import paper
from runs.protocols import ELEVEN


def test_the_spread_of_re_runs():
    assert paper.spread("average", "hm") == (78.87, 79.97)
    assert paper.spread("dtd", "new") == pytest.approx((56.11, 63.15))
    assert paper.spread("ucf101", "new") == pytest.approx((76.73, 80.87))
    assert paper.spread("dtd", "base") is None


def test_averages_are_those_of_their_rows():
    compared = 0
    for (protocol, method, dataset, part), average in paper.accuracies().items():
        names = [name for name in ELEVEN if (part, name) != ("target", "imagenet")]
        found = [paper.accuracy(protocol, method, name, part) for name in names]
        rows = [value.percent for value in found if value]
        if dataset == "average" and part != "hm" and len(rows) >= 10:
            mean = sum(rows) / len(rows)
            digits = 0.051 if method == "CLIPLoRA" else 0.011  # printed with one digit
            assert mean == pytest.approx(average.percent, abs=digits), (protocol, method, part)
            compared += 1
    assert compared >= 28


def test_what_a_paper_does_not_report():
    assert paper.accuracy("base2new", "PromptSRC", "emoji", "base") is None
    assert paper.average("base2new", "VPT", "base") is None
    assert paper.accuracy("base2new", "PromptSRC", "eurosat", "hm") == (82.32, False)
