"""The long check in short: growth is named, and killed runs end like undisturbed ones."""

import pytest

from benchmarks import soak


def test_what_grows_is_named():
    still = [(1.0, 10, 2, 0)] * 8
    assert soak.grown(still) == []
    assert soak.grown([(5.0, 99, 9, 9), *still[1:]]) == []  # the start does not count
    assert soak.grown([*still[:6], (1.03, 10, 3, 0), (1.03, 10, 3, 0)]) == [
        "resident GiB from 1 to 1.03",
        "threads from 2 to 3",
    ]


@pytest.mark.slow
def test_a_sweep_of_one_run_under_fire(capsys):
    assert soak.main(["--minutes", "0", "--jobs", "1", "--compared", "1", "--workers", "1"]) == 0
    assert "nothing is missing, nothing differs" in capsys.readouterr().out
