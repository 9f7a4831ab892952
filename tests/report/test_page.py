"""The page of made runs: the order of its parts, its head, intervals, and odd numbers of things."""

import datetime
import math
import re

import numpy as np
import pytest
from PIL import Image

from report import svg
from report.predictions import Predictions
from report.run import Run
from report.run_report import class_rows, run_report
from runs.config import default_config
from runs.log import History, Line
from tests.report.made import Page

FOUR = np.repeat(np.arange(4), 5)  # labels of 4 classes of 5 images


def history(epochs):
    """One logged batch an epoch."""
    values = {"time": 0.5, "loss": 2.0, "acc": 75.0}
    lines = [Line(epoch, epochs, 1, 1, values, values, 0.0025) for epoch in range(1, epochs + 1)]
    return History(lines, finished=True)


def made(folder, labels, trained, zero_shot, names=None, **known):
    """A run of PromptSRC with these predictions."""
    cfg = default_config()
    cfg.TRAINER.NAME, cfg.DATASET.NAME, cfg.SEED = "PromptSRC", "Emoji", 1
    cfg.MODEL.BACKBONE.NAME = "ViT-T/8"
    image = folder / "image.png"
    Image.new("RGB", (8, 8)).save(image)
    names = names or [f"class_{i}" for i in range(max(labels) + 1)]
    found = Predictions(names, [str(image)] * len(labels), labels, trained, zero_shot)
    return Run(folder, cfg, known.pop("history", History()), None, predictions=found, **known)


def shown(content):
    """By class: right of images, accuracy, ends of the interval, as text."""
    rows = re.findall(
        r'<span class="name">(.*?) <small>(\d+) of (\d+)</small>.*?'
        r'<span>(\d+)</span><span class="range">(\d+)–(\d+)</span>',
        content,
        re.S,
    )
    return {name: tuple(map(int, values)) for name, *values in rows}


def at_least(k, n, p):
    """The probability of k or more of n."""
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def clopper_pearson(k, n):
    """In percent, by its definition: k or more, or k or fewer, have 2.5 % at its ends."""
    grid = [i / 20000 for i in range(20001)]
    low = next(p for p in grid if at_least(k, n, p) >= 0.025)
    high = next(p for p in reversed(grid) if 1 - at_least(k + 1, n, p) >= 0.025)
    return round(100 * low), round(100 * high)


def test_classes_and_confusions_come_first_and_settings_are_folded(tmp_path):
    trained = np.where(np.arange(20) < 3, 1, FOUR)
    run = made(tmp_path, FOUR, trained, FOUR, history=history(3), weights=[0.2, 0.3, 0.5])
    run.missing = {"nearest tokens": "no weights"}
    content = run_report(run)
    Page(content)
    parts = ["Accuracy by class", "Most frequent confusions", "Training", "Prompt average"]
    assert re.findall("<h2>(.*?)</h2>", content) == [*parts, "Nearest tokens"]
    head = content[: content.index("<h2>")]
    folded = head[head.index("<details>") : head.index("</details>")]
    assert "<summary>Settings</summary>" in folded and "<dt>GPA_MEAN</dt>" in folded
    assert "GPA_MEAN" not in head.replace(folded, "")


def test_the_head_has_the_number_of_training_images_and_the_date(tmp_path):
    date = datetime.date(2026, 11, 9)
    run = made(tmp_path, FOUR, FOUR, FOUR, trained_on=(1234, 4), date=date)
    said = "CLIP ViT-T/8, 1,234 training images of 4 classes{}, seed 1, 9 November 2026</p>"
    assert said.format("") in run_report(run)
    run.cfg.DATASET.NUM_SHOTS = 16
    assert said.format(", 16 shots a class") in run_report(run)
    run.trained_on = run.date = None
    assert "<p>CLIP ViT-T/8, 16 shots a class, seed 1</p>" in run_report(run)


def test_accuracies_have_their_intervals(tmp_path):
    trained = np.where(np.isin(np.arange(20), (0, 5, 6, 10, 11, 12, 13, 14)), 3, FOUR)
    zero_shot = np.where(np.arange(20) < 10, 3, FOUR)
    content = run_report(made(tmp_path, FOUR, trained, zero_shot, ["a", "b", "c", "d"]))
    assert shown(content) == {
        name: (right, 5, 20 * right, *clopper_pearson(right, 5))
        for name, right in {"a": 4, "b": 3, "c": 0, "d": 5}.items()
    }
    assert shown(content)["c"] == (0, 5, 0, 0, 52) and shown(content)["d"] == (5, 5, 100, 48, 100)
    facts = re.findall(
        r"<b>([\d.]+) %</b><span>(.*?)</span><span>95 % interval: (\d+) to (\d+) %</span>", content
    )
    assert facts == [
        ("60.0", "accuracy on 20 test images", *map(str, clopper_pearson(12, 20))),
        ("50.0", "zero-shot CLIP, same images", *map(str, clopper_pearson(10, 20))),
    ]
    low, width = map(
        float, re.search(r'interval" style="left:(.*?)%;width:(.*?)%', content).groups()
    )
    assert (low, low + width) == pytest.approx((28.4, 99.5), abs=0.11)  # of a, 4 of 5


def test_of_many_classes_those_with_the_largest_changes_are_open(tmp_path):
    labels = np.repeat(np.arange(500), 2)
    zero_shot = np.where(labels < 250, labels, 0)  # right for half of the classes
    trained = np.where(labels >= 250, labels, 499)  # and for the other half
    run = made(tmp_path, labels, trained, zero_shot)
    rows = class_rows(run.predictions)
    assert [row.name for row in rows[:2]] == ["class 250", "class 251"]
    assert [row.signed_change for row in rows] == ["+100"] * 250 + ["−100"] * 250
    content = run_report(made(tmp_path, labels, labels, zero_shot))  # nothing is confused
    assert len(shown(content)) == 500 and len(content) < 500_000
    folded = content[content.index("<summary>460 more between") :].split("</details>")[0]
    assert len(shown(folded)) == 460
    assert "Sorted by the change." in content
    assert "No test image is taken for another class." in content


def test_40_classes_are_all_open_of_41_one_is_folded(tmp_path):
    for count, folded in ((40, 0), (41, 1)):
        labels = np.arange(count)
        content = run_report(made(tmp_path, labels, labels, labels))
        assert len(shown(content)) == count
        assert content.count(f"<summary>{folded} more between") == bool(folded)


def test_equal_changes_are_sorted_by_accuracy(tmp_path):
    """A third less in classes of three and of six images: equal, whatever floats say."""
    labels = np.repeat(np.arange(3), (3, 6, 3))
    zero_shot = np.array([0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 0])
    trained = np.array([0, 1, 1, 1, 1, 1, 1, 0, 0, 2, 0, 0])
    run = made(tmp_path, labels, trained, zero_shot, ["low", "high", "low too"])
    assert [row.name for row in class_rows(run.predictions)] == ["high", "low", "low too"]
    content = run_report(run)
    assert "Sorted by accuracy." in content and content.count(">−33</span>") == 3


def test_one_epoch(tmp_path):
    run = made(tmp_path, FOUR, FOUR, FOUR, history=history(1), weights=[1.0], epoch=1)
    content = run_report(run)
    assert "<b>1</b><span>epoch</span>" in content
    assert "Epochs that count (1 % or more): 1." in content
    rate = re.search(
        r'aria-label="learning rate".*?class="line" d="M([\d.]+) [\d.]+H([\d.]+)V', content
    )
    assert tuple(map(float, rate.groups())) == (svg.LEFT, 250 - svg.RIGHT)  # all of the epoch


def test_many_equal_epochs_none_of_which_counts(tmp_path):
    run = made(tmp_path, FOUR, FOUR, FOUR, history=history(200), weights=[1 / 200] * 200)
    assert "Prompt average" in run_report(run) and "that count" not in run_report(run)


def test_zero_shot_clip_has_intervals_too(tmp_path):
    run = made(tmp_path, FOUR, None, FOUR)
    run.cfg.TRAINER.NAME = "ZeroshotCLIP"
    content = run_report(run)
    assert len(shown(content)) == 4 and "change</span>" not in content
    assert "training images" not in content and "Sorted by accuracy." in content
