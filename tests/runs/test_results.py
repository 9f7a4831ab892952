"""Accuracies in logs."""

import pytest
from scipy.stats import binomtest

from runs.results import (
    TESTED,
    TRAINED,
    folders_in,
    harmonic_mean,
    interval,
    parse_log,
    parse_run,
)

LOG = "* accuracy: 10.0%\n{}\n=> result\n* accuracy: {}%\n* macro_f1: 50.5%\n"


@pytest.mark.parametrize("end", TRAINED)
def test_the_last_accuracy_after_the_training_counts(tmp_path, end):
    (tmp_path / "log.txt").write_text(LOG.format(end, 61.5))
    assert parse_log(tmp_path / "log.txt", TRAINED) == 61.5
    assert parse_log(tmp_path / "log.txt", TRAINED, "macro_f1") == 50.5
    assert parse_log(tmp_path / "log.txt", TRAINED, "error") is None


def test_a_run_without_an_end_has_no_result_unless_it_is_a_test(tmp_path):
    (tmp_path / "log.txt").write_text(LOG.format("epoch [3/20]", 70.0))
    assert parse_run(tmp_path, TRAINED) is None
    assert parse_run(tmp_path, TESTED) == (tmp_path / "log.txt", 70.0)


def test_a_resumed_log_counts_if_the_first_has_no_end(tmp_path):
    (tmp_path / "log.txt").write_text("epoch [3/20]\n")
    resumed = tmp_path / "log.txt-2026-01-01-00-00-00"
    resumed.write_text(LOG.format("Finish training", 61.5))
    assert parse_run(tmp_path, TRAINED) == (resumed, 61.5)
    (tmp_path / "log.txt").write_text(LOG.format("Finish training", 62.5))
    assert parse_run(tmp_path, TRAINED) == (tmp_path / "log.txt", 62.5)


def test_folders_are_sorted_without_hidden_ones(tmp_path):
    for name in ("b", "a", ".git"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    assert [folder.name for folder in folders_in(tmp_path)] == ["a", "b"]
    with pytest.raises(FileNotFoundError, match="no folder .*/none"):
        folders_in(tmp_path / "none")


def test_harmonic_mean():
    assert harmonic_mean(84.26, 76.10) == pytest.approx(79.97, abs=0.005)
    assert harmonic_mean(0, 0) == 0


@pytest.mark.parametrize(
    "right, total", [(0, 1), (1, 1), (5, 8), (0, 50), (50, 50), (3, 1000), (36_123, 50_000)]
)
def test_an_interval_is_that_of_scipy_stats(right, total):
    low, high = binomtest(right, total).proportion_ci(0.95, method="exact")
    assert interval(right, total) == pytest.approx((100 * low, 100 * high), abs=1e-8)


def test_5_of_8_is_24_to_91():
    assert interval(5, 8) == pytest.approx((24.486, 91.477), abs=1e-3)
