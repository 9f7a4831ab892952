"""The report of a run, of every method and kind of data: its values against those of train.py."""

import html
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from promptsrc.checkpoint import read_checkpoint
from promptsrc.regulation import gaussian_weights
from report.predictions import Predictions
from report.run import Run, read_run
from report.run_report import duration, run_report, spans
from runs import log
from runs.config import default_config
from runs.log import History
from tests.report.made import Page

pytestmark = pytest.mark.slow  # as a whole


def shown_classes(content):
    """Accuracy and change in percent by class, as the report has them."""
    rows = re.findall(
        r'<span class="name">(.*?) <small>.*?</div>\s*<span>(\d+)</span>'
        r'<span class="range">.*?</span>\s*<span class="[^"]*">(.*?)<',
        content,
        re.S,
    )
    return {
        html.unescape(name): (int(value), int(change.replace("−", "-")))
        for name, value, change in rows
    }


def by_class(printed):
    """Accuracy in percent by class, as train.py prints it."""
    found = re.findall(
        r"\* class: \d+ \((.*?)\)\ttotal: \d+\tcorrect: \d+\tacc: ([\d.]+)%", printed
    )
    return {name: float(value) for name, value in found}


def test_accuracy_by_class_is_what_train_py_says(run, trained, tmp_path):
    test = ("--eval-only", "--model-dir", str(trained), "--load-epoch", "3")
    pairs = ("TEST.PER_CLASS_RESULT", "True")
    of_method = (*pairs, "TRAINER.PROMPTSRC.GPA_MEAN", "2")
    ours = by_class(run(tmp_path / "ours", "PromptSRC", *of_method, flags=test))
    plain = by_class(run(tmp_path / "plain", "ZeroshotCLIP", *pairs))
    found = read_run(trained)
    predictions = found.predictions
    for predicted, expected in ((predictions.trained, ours), (predictions.zero_shot, plain)):
        pairs = zip(predictions.classnames, predictions.by_class(predicted), strict=True)
        assert dict(pairs) == expected
    shown = shown_classes(run_report(found))
    assert set(shown) == set(ours)
    assert shown["drink"] == (ours["drink"], ours["drink"] - plain["drink"])
    changes = [change for _, change in shown.values()]
    assert changes == sorted(changes, reverse=True)


def test_it_needs_no_other_file_and_is_the_same_each_time(trained):
    content = run_report(read_run(trained))
    page = Page(content)
    assert page.references
    assert all(value.startswith("data:image/jpeg;base64,") for value in page.references)
    assert not re.search(r"https?:|url\(|@import|<script|<link", content)
    assert "<b>&" not in content and any('<b>&"bird' in text for text in page.text)
    assert len(content) < 200_000
    assert content == run_report(read_run(trained))


def test_hostile_names_are_escaped(tmp_path):
    file = tmp_path / "\"><b>'.png"
    Image.new("RGB", (8, 8)).save(file)
    cfg = default_config()
    cfg.TRAINER.NAME, cfg.DATASET.NAME = "<i>T", "<u>D"
    labels, predicted = np.array([0]), np.array([1])
    found = Predictions(["<b>one", "two&"], [str(file)], labels, predicted, labels)
    content = run_report(Run(tmp_path, cfg, History(), 0.0, predictions=found))
    assert not {"u"} & set(Page(content).tags)
    assert not re.search(r"<i>T|<b>one|<b>'", content)
    assert (
        f'alt="{html.escape(file.name).replace("&quot;", "&#34;").replace("x27", "39")}"' in content
    )
    assert "&lt;b&gt;one <span" in content


def test_curves_weights_and_values_are_those_of_the_run(trained):
    found = read_run(trained)
    content, weights = run_report(found), gaussian_weights(3, 2, 1)
    assert found.weights == weights
    for epoch, weight in enumerate(weights, 1):
        assert f'title="epoch {epoch}: {100 * weight:.3g} %"' in content
    history = log.read(trained)
    parts = [f"loss_{name}" for name in ("ce", "scl_text", "scl_image", "scl_logits")]
    assert history.names == ["loss", *parts, "acc"]
    assert re.findall(r"<title>epoch (\d): (.*?)</title>", content) == [
        (str(epoch), f"{mean:g}")
        for name in history.names
        for epoch, (_, mean) in enumerate(history.means(name), 1)
    ]
    state = read_checkpoint(trained / "VLPromptLearner" / "model.pth.tar-3")["state_dict"]
    count = sum(value.numel() for value in state.values())
    assert f"<b>{count:,}</b><span>learned parameters" in content
    assert "<b>3</b><span>epochs" in content
    (accuracy,) = re.findall(r"\* accuracy: (.*)%", (trained / "log.txt").read_text())
    assert f"<b>{accuracy} %</b><span>accuracy on 16 test images" in content


@pytest.mark.slow
@pytest.mark.parametrize(
    "trainer, pairs",
    [
        ("IVLP", ()),
        ("VPT", ()),
        ("MaPLe", ("REGULATION.ENABLED", "True", "REGULATION.GPA_MEAN", "2")),
        ("CoOp", ("TRAINER.COOP.CSC", "True", "TRAINER.COOP.CTX_INIT", "")),
        ("CoCoOp", ()),
        ("ZeroshotCLIP", ()),
        ("ZeroshotCLIP2", ()),
    ],
)
def test_every_method_has_its_report(run, tmp_path, trainer, pairs):
    run(tmp_path / "run", trainer, *pairs)
    found = read_run(tmp_path / "run")
    content = run_report(found)
    Page(content)
    assert found.missing == {} and f"<title>{trainer} on mine</title>" in content
    learns, is_zero_shot = not trainer.startswith("Zeroshot"), trainer == "ZeroshotCLIP"
    assert ("Accuracy in training" in content) == learns
    assert bool(found.weights) == ("Prompt average" in content) == (trainer == "MaPLe")
    has_tokens = learns and trainer != "VPT"
    assert bool(found.tokens) == has_tokens == ("nearest to the learned" in content)
    assert (found.predictions.trained is None) == is_zero_shot
    assert ("change</span>" in content) == (not is_zero_shot)
    if trainer == "CoOp":  # a context per class
        assert len(found.tokens) == 4 and "<th>building</th>" in content


def test_a_test_of_other_classes_names_its_training(run, trained, tmp_path):
    new = ("DATASET.SUBSAMPLE_CLASSES", "new", "TRAINER.PROMPTSRC.GPA_MEAN", "2")
    test = ("--eval-only", "--model-dir", str(trained), "--load-epoch", "3")
    run(tmp_path / "new", "PromptSRC", *new, flags=test)
    content = run_report(read_run(tmp_path / "new"))
    assert "<title>PromptSRC on mine, new classes</title>" in content
    assert f"tested with the prompts of {trained}" in content
    assert f"From the log of {trained}." in content
    assert "CLIP ViT-T/8-v2, 16 training images of 4 classes, seed 1" in content  # of the training
    assert set(shown_classes(content)) == {"drink", "flower"}


def test_a_log_alone_has_its_curves(trained, tmp_path):
    shutil.copy(trained / "log.txt", tmp_path)
    content = run_report(read_run(tmp_path))
    Page(content)
    assert content.count("<svg") == 7 and content.count("has no config.yaml") == 3


def test_an_unfinished_run(trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "log.txt").read_text()
    (tmp_path / "log.txt").write_text(text[: text.index("epoch [3/3] batch [2/4]")])
    (tmp_path / "VLPromptLearner" / "checkpoint").write_text("model.pth.tar-2\n")
    content = run_report(read_run(tmp_path))
    assert "<b>2 of 3</b>" in content
    assert "This run is at epoch 2: its prompts are not averaged yet." in content


def test_images_that_are_not_those_of_the_log(trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    log_file = tmp_path / "log.txt"
    log_file.write_text(re.sub(r"\* accuracy: .*%", "* accuracy: 3.1%", log_file.read_text()))
    assert "The log says 3.1 %, the images at hand give" in run_report(read_run(tmp_path))


@pytest.mark.parametrize(
    "numbers, expected", [([], ""), ([4], "4"), ([1, 2, 3, 7], "1–3, 7"), ([1, 3, 4], "1, 3–4")]
)
def test_spans(numbers, expected):
    assert spans(numbers) == expected


@pytest.mark.parametrize(
    "seconds, expected",
    [(0.0, "0 s"), (0.31, "0.3 s"), (27.4, "27 s"), (75, "1 min 15 s"), (7265, "2 h 1 min")],
)
def test_durations(seconds, expected):
    assert duration(seconds) == expected
