"""The published accuracies against each other, and the spread of re-runs by hand."""

import pytest

from report import paper
from runs.protocols import ELEVEN
from runs.results import harmonic_mean


def test_the_spread_of_re_runs():
    assert paper.spread("PromptSRC", "average", "hm") == (78.87, 79.97)
    assert paper.spread("PromptSRC", "dtd", "new") == pytest.approx((54.31, 63.15))
    assert paper.spread("PromptSRC", "ucf101", "new") == pytest.approx((76.73, 80.87))
    assert paper.spread("MMRL", "eurosat", "new") == pytest.approx((72.06 - 1.76, 80.17))
    assert paper.spread("MMRLpp", "eurosat", "new") is None  # not in the paper's rows
    assert paper.spread("KgCoOp", "dtd", "new") is None  # of other settings alone
    methods = ("PromptSRC", "MMRL", "CoPrompt", "MMRLpp", "KgCoOp", "Mine")
    assert list(map(paper.has_spread, methods)) == [True] * 3 + [False] * 3


def agrees(hm, base, new):
    """Up to the rounding of all three."""
    return abs(harmonic_mean(base, new) - hm) < 0.0151


def test_harmonic_means_are_of_base_and_new():
    compared = 0
    for (protocol, method, dataset, part), hm in paper.accuracies().items():
        if part == "hm":
            halves = (paper.accuracy(protocol, method, dataset, h) for h in ("base", "new"))
            assert agrees(hm.percent, *(half.percent for half in halves)), (method, dataset)
            compared += 1
    assert compared > 180


def by_source():
    """The re-runs by method and source: their means by dataset and part."""
    found = {}
    for row in paper._rows("reruns.csv"):
        if row["mean"]:
            cells = found.setdefault((row["method"], row["source"]), {})
            assert (row["dataset"], row["part"]) not in cells
            cells[row["dataset"], row["part"]] = float(row["mean"])
    return found


def test_re_runs_agree_with_themselves():
    averages = means = 0
    for (method, source), cells in by_source().items():
        for (dataset, part), value in cells.items():
            if part == "hm" and "seeds" not in source:  # else of each seed
                assert agrees(value, cells[dataset, "base"], cells[dataset, "new"]), (
                    method,
                    dataset,
                )
                means += 1
            if dataset == "average" and part != "hm" and ("dtd", "base") in cells:
                mean = sum(cells[name, part] for name in ELEVEN) / 11
                assert value == pytest.approx(mean, abs=0.011), (method, source, part)
                averages += 1
    assert means > 80 and averages >= 12


def test_every_value_has_its_source():
    rows = [*paper._rows("paper.csv"), *paper._rows("reruns.csv")]
    assert all(row["source"] for row in rows)
    assert {row.get("status", "checked") for row in rows} == {"checked", "unverified"}


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
    assert compared >= 34


def test_what_a_paper_does_not_report():
    assert paper.accuracy("base2new", "PromptSRC", "emoji", "base") is None
    assert paper.average("base2new", "VPT", "base") is None
    assert paper.accuracy("base2new", "PromptSRC", "eurosat", "hm") == (82.32, False)
