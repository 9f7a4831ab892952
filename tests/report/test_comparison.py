"""Paired comparisons, recomputed by ttest_rel and by all sign changes of the signed ranks."""

import csv
from itertools import product

import numpy as np
import pytest
from scipy.stats import rankdata, ttest_rel

from promptsrc.command import InvalidCommand
from report.__main__ import main
from report.comparison import comparison
from report.results import find
from runs import layout
from tests.report.made import base_new, put, put_scores, scores

DATASETS = ("a", "b", "c", "d", "e", "f", "g")
SEEDS = (1, 2, 3)


def put_run(output, rng, trainer, dataset, seed, scored=True):
    """A run of a method; base, new, HM, H and OpenworldAUC."""
    base, new = (round(value, 1) for value in rng.uniform(20, 95, 2))
    base_new(output, dataset, seed, base, new, trainer=trainer, config="c")
    content = scores(rng)
    if scored:
        place = layout.base2new("train_base", dataset, trainer, "c", 16, seed)
        put_scores(output, place, content)
    opened = content["openworld"]
    hm = 2 * base * new / (base + new)
    return base, new, hm, *(opened[k] if scored else np.nan for k in ("H", "openworld_auc"))


def signed_rank(differences):
    """The exact two-sided p: how many of all signs have ranks as unbalanced as these."""
    d = differences[differences != 0]
    ranks = rankdata(abs(d))
    sums = [abs(np.dot(signs, ranks)) for signs in product((-1, 1), repeat=len(d))]
    return np.mean(np.array(sums) >= abs(np.dot(np.sign(d), ranks)) - 1e-9)


def rows(output, one="A (c)", other="B (c)"):
    return comparison(find(output), one, other).rows


@pytest.mark.parametrize("step", [0, 5])  # 5: differences that are equal, or nothing
def test_every_value(tmp_path, step):
    rng = np.random.default_rng(11 + step)
    values = np.array(
        [[[put_run(tmp_path, rng, name, d, s) for s in SEEDS] for d in DATASETS] for name in "AB"]
    )  # (methods, datasets, seeds, measures)
    if step:  # accuracies of B: those of A, plus a few steps
        values[1, ..., :2] = values[0, ..., :2] + step * rng.integers(-2, 3, (7, 1, 1))
        for (i, d), (j, s) in product(enumerate(DATASETS), enumerate(SEEDS)):
            for part, half in (("train_base", 0), ("test_new", 1)):
                log = tmp_path / layout.base2new(part, d, "B", "c", 16, s) / "log.txt"
                accuracy = f"accuracy: {values[1, i, j, half]:.1f}%"
                log.write_text(f"Finish training\n=> result\n* {accuracy}\n")
        base, new = values[..., 0], values[..., 1]
        values[..., 2] = 2 * base * new / (base + new)
    assert main([str(tmp_path), "--compare", "a (C)", "B (c)"]) == 0
    with (tmp_path / "report" / "tables.csv").open() as lines:
        cells = {tuple(line[:3]): line[3] for line in csv.reader(lines)}
    for i, measure in enumerate(("Base", "New", "HM", "Open-world H", "OpenworldAUC")):
        ours, theirs = values[..., i].mean(2)  # (datasets,)
        low, high = ttest_rel(ours, theirs).confidence_interval(0.95)
        signs = np.sign((values[0, ..., i] - values[1, ..., i]).round(9))
        differences = (ours - theirs).round(9)
        different = np.count_nonzero(differences)
        p = f"{signed_rank(differences):.3g}"
        expected = {
            "A (c)": f"{ours.mean():.2f}",
            "B (c)": f"{theirs.mean():.2f}",
            "Difference": f"{(ours - theirs).mean():+.2f}",
            "95 % interval": f"[{low:+.2f}, {high:+.2f}]",
            "Wins/ties/losses": "/".join(str(np.count_nonzero(signs == k)) for k in (1, 0, -1)),
            "Wilcoxon p": p if different >= 6 else f"too few ({different} of 6)",
            "n": "7 datasets",
        }
        for column, text in expected.items():
            assert cells["A (c) against B (c)", measure, column] == text, (measure, column)


def test_only_seeds_that_both_have_count(tmp_path):
    for seed, base in ((1, 80), (2, 70), (3, 10)):
        base_new(tmp_path, "a", seed, base, 50, trainer="A", config="c")
    for seed, base in ((2, 60), (1, 75), (4, 99)):
        base_new(tmp_path, "a", seed, base, 50, trainer="B", config="c")
    base_new(tmp_path, "b", 1, 1, 1, trainer="A", config="c")  # B has none
    base, new, hm = rows(tmp_path)
    # differences 5, 10 of two seeds: 7.5 ± 12.706 * 3.5355 / sqrt(2)
    assert base == [
        *("Base", "75.00", "67.50", "+7.50", "[-24.27, +39.27]", "2/0/0"),
        *("too few (2 of 6)", "2 seeds"),
    ]
    assert new[3:] == ["+0.00", "[+0.00, +0.00]", "0/2/0", "all equal", "2 seeds"]
    assert hm[0] == "HM" and hm[5] == "2/0/0"


def test_a_trainers_name_is_enough(tmp_path):
    rng = np.random.default_rng(5)
    for trainer in ("PromptSRC", "IVLP"):
        put_run(tmp_path, rng, trainer, "a", 1)
    table = comparison(find(tmp_path), "promptsrc", "IVLP")
    assert table.header[1:3] == ["PromptSRC (c)", "IVLP (c)"]
    base_new(tmp_path, "a", 1, 60, 50, trainer="IVLP", config="d")
    with pytest.raises(InvalidCommand, match=r"'ivlp' may be IVLP \(c\) or IVLP \(d\); name one"):
        comparison(find(tmp_path), "promptsrc", "ivlp")


def test_one_pair_has_no_interval(tmp_path):
    for trainer, base in (("A", 60), ("B", 70)):
        base_new(tmp_path, "a", 1, base, 50, trainer=trainer, config="c")
    assert rows(tmp_path)[0][3:] == ["-10.00", "–", "0/0/1", "too few (1 of 6)", "1 seed"]


def test_halves_and_scores_of_one_method_alone_are_left_out(tmp_path):
    rng = np.random.default_rng(3)
    put_run(tmp_path, rng, "A", "a", 1)
    place = layout.base2new("train_base", "a", "B", "c", 16, 1)
    put(tmp_path, place, 50)
    assert [row[0] for row in rows(tmp_path)] == ["Base"]


def results_of(tmp_path):
    base_new(tmp_path, "a", 1, 60, 50, trainer="A", config="c")
    base_new(tmp_path, "a", 2, 60, 50, trainer="B", config="c")
    base_new(tmp_path, "b", 1, 60, 50, trainer="B", config="c")


@pytest.mark.parametrize(
    "words, code, message",
    [
        (
            ["C", "B (c)"],
            2,
            "--compare: no base-to-new results of 'C'; the results have A (c), B (c)",
        ),
        (["A (c)", "a (C)"], 2, "--compare names A (c) twice; it takes two different methods"),
        (
            ["A (c)", "B (c)"],
            1,
            "A (c) and B (c) have no dataset and seed in common: A (c) has a with seeds 1 and "
            "B (c) has a, b with seeds 1, 2",
        ),
    ],
)
def test_a_comparison_that_cannot_be_made_is_one_line(tmp_path, capsys, words, code, message):
    results_of(tmp_path)
    assert main([str(tmp_path), "--compare", *words]) == code
    assert capsys.readouterr().err == f"error: {message}\n"
    assert not (tmp_path / "report").exists()


def test_results_of_other_protocols_have_nothing_to_compare(tmp_path, capsys):
    put(tmp_path, layout.all_classes("a", "A", "c", 4, 1), 50)
    assert main([str(tmp_path), "--compare", "A", "B"]) == 2
    assert "no base-to-new results of 'A'; there are none\n" in capsys.readouterr().err


def test_a_run_is_not_compared(tmp_path, capsys):
    put(tmp_path, "photos", 80.0)
    for folder in ("photos", "none"):
        assert main([str(tmp_path / folder), "--compare", "A", "B"]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: --compare is for a folder of results, which ")
