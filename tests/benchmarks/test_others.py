"""Evaluation, set-up, data and epoch on tiny sizes: they run, and their rows are consistent."""

import json
from dataclasses import replace

import pytest
import torch

from benchmarks import data, epoch, evaluation, launches, pack, teacher
from benchmarks.step import one_step
from benchmarks.workload import SIDES, VIT_B16, batch, class_names
from tests.benchmarks.test_step import TINY


def rows_of(file):
    return json.loads(file.read_text())


def test_evaluation(tmp_path):
    arguments = ["--classes", "3", "5", "--batch", "4", "--device", "cpu", "--repeats", "1"]
    assert evaluation.main([*arguments, "--json", str(tmp_path / "rows")], TINY) == 0
    rows = rows_of(tmp_path / "rows")
    assert [(row["classes"], row["batch"]) for row in rows] == [(3, 4), (5, 4)]
    for row in rows:
        rates = row["images_per_second"], row["plain_images_per_second"]
        assert row["ratio"] == pytest.approx(rates[0] / rates[1])


def test_both_sides_classify_alike():
    cpu = torch.device("cpu")
    images, _ = batch(TINY, 5, 3, cpu)
    with torch.no_grad():
        ours, plain = (
            build(TINY, class_names(5), cpu).student.classify(images) for build in SIDES.values()
        )
    torch.testing.assert_close(ours, plain, atol=1e-3, rtol=0)


def test_teacher(tmp_path):
    arguments = ["--classes", "3", "--templates", "2", "--device", "cpu", "--repeats", "1"]
    assert teacher.main([*arguments, "--json", str(tmp_path / "rows")], TINY) == 0
    [row] = rows_of(tmp_path / "rows")
    assert row["ratio"] == pytest.approx(row["plain_seconds"] / row["seconds"])
    assert row["templates"] == 2


def test_data(tmp_path):
    assert data.main(["--images", "8", "--repeats", "1", "--json", str(tmp_path / "rows")]) == 0
    [row] = rows_of(tmp_path / "rows")
    assert row["images_per_second"] > row["images_per_second_without_cache"] / 10 > 0


def test_epoch(tmp_path):
    words = f"--classes 4 --device cpu --json {tmp_path / 'rows'}"
    assert epoch.main(words.split(), TINY) == 0
    [row] = rows_of(tmp_path / "rows")
    assert row["images"] == 4
    assert row["checkpoint_bytes"] < 30_000 < 2 * 49408 * 64 * 4 < row["plain_checkpoint_bytes"]


def test_a_checkpoint_at_the_published_sizes_is_below_a_megabyte():
    numbers = VIT_B16.depth * VIT_B16.vectors * (VIT_B16.text_width + VIT_B16.image_width)
    assert 3 * 4 * numbers < 600_000  # prompts, momentum and aggregation, 4 bytes each


def test_launches_are_counted_without_views(capsys):
    assert launches.main(["--classes", "2"], TINY) == 0
    classes, *counts = map(int, capsys.readouterr().out.splitlines()[1].split())
    assert classes == 2 and all(100 < count < 1000 for count in counts)
    x = torch.ones(4, 4)
    assert launches.launches(lambda: (x.t().unsqueeze(0), x + x, x @ x)) == 2


def test_our_step_launches_less_than_the_plain_one_at_any_number_of_classes():
    narrow = replace(VIT_B16, embed=64, resolution=32, image_width=64, text_width=64)
    counts = {
        (side, classes): launches.launches(
            one_step(side, narrow, classes, torch.device("cpu"), "fp32")
        )
        for side in SIDES
        for classes in (10, 50)
    }
    assert counts["ours", 10] == counts["ours", 50] < counts["plain", 10] == counts["plain", 50]


def test_pack(tmp_path):
    arguments = ["--runs", "1", "2", "--classes", "3", "--device", "cpu", "--repeats", "1"]
    assert pack.main([*arguments, "--json", str(tmp_path / "rows")], TINY) == 0
    rows = rows_of(tmp_path / "rows")
    assert [(row["classes"], row["runs"]) for row in rows] == [(3, 1), (3, 2)]
    for row in rows:
        assert row["ratio"] == pytest.approx(row["alone_seconds"] / row["seconds"])
