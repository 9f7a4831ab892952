"""results.json: what is read, and what is refused."""

import json

import numpy as np
import pytest

from report import scores
from report.scores import Bin
from tests.report import made
from trainers import scored


def written(folder, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / scores.NAME).write_text(text)
    return scores.read(folder)


@pytest.fixture
def content():
    return made.scores(np.random.default_rng(3))


def test_what_is_read(tmp_path, content):
    assert scores.read(tmp_path) is None
    found = written(tmp_path, content)
    assert (found.test_time_knowledge, found.device) == ("unified", "cpu")
    assert found.open_world == content["openworld"] and set(found.tests) == {"base", "new", "all"}
    assert found.cost == {k: v for k, v in content["cost"].items() if k != "device"}
    test = content["tests"]["new"]
    assert found.tests["new"].calibration == {k: test[k] for k in scores.CALIBRATION}
    bins = [tuple(b.values()) if b["images"] else (0, 0, 0) for b in test["reliability"]]
    assert found.tests["new"].reliability == [Bin(*values) for values in bins]


def test_what_a_run_writes_is_read(trained):
    assert (scores.NAME, scores.VERSION) == (scored.NAME, scored.VERSION)
    found, content = scores.read(trained), json.loads((trained / scores.NAME).read_text())
    test = content["tests"]["all"]
    assert found.tests["all"].calibration == {k: test[k] for k in scores.CALIBRATION}
    assert sum(b.images for b in found.tests["all"].reliability) == test["images"] == 16
    assert (found.open_world, found.device) == ({}, content["cost"]["device"])
    assert {"parameters", "train_seconds", "test_seconds"} <= set(found.cost)


def test_what_is_not_known_is_left_out(tmp_path, content):
    del content["openworld"]
    content["cost"] |= {"train_seconds": None, "train_peak_gib": None, "device": None}
    content["tests"]["all"]["nll"] = None  # of prompts with NaN
    found = written(tmp_path, content)
    assert found.open_world == {} and found.device == ""
    assert set(found.cost) == {"parameters", "test_seconds", "test_peak_gib"}
    assert "nll" not in found.tests["all"].calibration


@pytest.mark.parametrize("version", [0, 2, "1", None, [1] * 1000])
def test_another_version_is_refused(tmp_path, content, version):
    reason = r"of version .{1,25}; this report reads version 1"
    with pytest.raises(ValueError, match=f"^{reason}$"):
        written(tmp_path, content | {"version": version})


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"version": 1}',
        {"cost": {}},
        {"tests": []},
        {"openworld": {"S": 1}},
        {"test_time_knowledge": 3},
        {"tests": {"base": {"reliability": []}}},
    ],
    ids=lambda damage: str(damage)[:20],
)
def test_a_damaged_file_is_refused(tmp_path, content, damage):
    with pytest.raises(ValueError, match="^damaged$"):
        written(tmp_path, damage if isinstance(damage, str) else content | damage)


@pytest.mark.parametrize("bins", [[], None, [{"images": 0}] * 15, "fourteen", "half"])
def test_bins_that_are_not_fifteen_are_refused(tmp_path, content, bins):
    test = content["tests"]["base"]
    if bins == "fourteen":
        bins = test["reliability"][1:]
    elif bins == "half":
        bins = [test["reliability"][0] | {"images": 0.5}, *test["reliability"][1:]]
    test["reliability"] = bins
    with pytest.raises(ValueError, match="^damaged$"):
        written(tmp_path, content)


@pytest.mark.parametrize("value", ["1", True, [], float("inf"), 1e999, 10**400])
def test_what_is_not_a_finite_number_is_refused(tmp_path, content, value):
    content["tests"]["base"]["ece"] = value
    with pytest.raises(ValueError, match="^damaged$"):
        written(tmp_path, content)
