"""Scores against scikit-learn, plain loops and numbers worked out by hand."""

import itertools
import math

import numpy as np
import pytest
import torch
from sklearn import metrics

from promptsrc import scores
from promptsrc.scores import BINS, Records


def drawn(images, classes, seed=0, scale=2.0):
    """Logits and labels, right more often than not."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (images,), generator=generator)
    logits = scale * torch.randn(images, classes, generator=generator)
    logits[torch.arange(images), labels] += scale
    return logits, labels


@pytest.mark.parametrize("images, classes", [(1, 2), (7, 3), (500, 10), (300, 400)])
def test_accuracies_and_losses_are_scikit_learns(images, classes):
    logits, labels = drawn(images, classes, seed=images)
    records = Records.of(logits, labels)
    p, y, predicted = logits.double().softmax(1).numpy(), labels.numpy(), logits.argmax(1).numpy()
    there = np.unique(y)
    assert scores.accuracy(records) == pytest.approx(100 * metrics.accuracy_score(y, predicted))
    recall = metrics.recall_score(y, predicted, labels=there, average="macro", zero_division=0)
    assert scores.balanced_accuracy(records) == pytest.approx(100 * recall)
    f1 = metrics.f1_score(y, predicted, labels=there, average="macro", zero_division=0)
    assert scores.macro_f1(records) == pytest.approx(100 * f1)
    nll = metrics.log_loss(y, p, labels=range(classes))
    assert records.nll.mean().item() == pytest.approx(nll, rel=1e-12)
    brier = np.mean(((p - np.eye(classes)[y]) ** 2).sum(1))
    assert records.brier.mean().item() == pytest.approx(brier, rel=1e-12)
    assert np.allclose(records.confidence, p.max(1), rtol=1e-12)


def of_confidences(confidence, right):
    """Records of two classes with these confidences (above a half)."""
    confidence = torch.tensor(confidence, dtype=torch.float64)
    labels = (~torch.tensor(right)).long()
    return Records.of(torch.stack([confidence.log(), (1 - confidence).log()], 1), labels)


def test_calibration_errors_by_hand():
    records = of_confidences([0.95, 0.95, 0.7, 0.7], [True, False, True, True])
    # bins (14/15, 1] and (10/15, 11/15]: 2/4 |0.5 - 0.95| + 2/4 |1 - 0.7|
    assert scores.ece(records) == pytest.approx(100 * (0.5 * 0.45 + 0.5 * 0.3))
    bins = scores.reliability(records)
    assert [one["images"] for one in bins] == [0] * 10 + [2, 0, 0, 0, 2]
    assert bins[0] == {"images": 0, "confidence": None, "accuracy": None}
    assert (bins[10]["confidence"], bins[14]["accuracy"]) == (pytest.approx(0.7), 0.5)
    # each image is a bin of its own: 1/4 (0.05 + 0.95 + 0.3 + 0.3)
    assert scores.adaptive_ece(records) == pytest.approx(100 * 1.6 / 4)


def test_an_upper_end_belongs_to_its_bin():
    records = Records(*(torch.zeros(3, dtype=torch.long),) * 2, *(torch.zeros(3).double(),) * 3)
    ends = torch.tensor([1 / 15, 0.2, 1.0], dtype=torch.float64)
    bins = scores.reliability(records._replace(confidence=ends))
    assert [i for i, one in enumerate(bins) if one["images"]] == [0, 2, 14]


@pytest.mark.parametrize("images", [4, 15, 100, 1003])
def test_calibration_errors_against_loops(images):
    logits, labels = drawn(images, 7, seed=images)
    records = Records.of(logits, labels)
    c, a = records.confidence.numpy(), (logits.argmax(1) == labels).numpy().astype(float)
    wide = sum(
        abs(np.sum(a[inside] - c[inside]))
        for m in range(BINS)
        if (inside := (c > m / BINS) & (c <= (m + 1) / BINS)).any()
    )
    assert scores.ece(records) == pytest.approx(100 * wide / images)
    order = np.argsort(c, kind="stable")
    parts = np.array_split(order, BINS)
    even = sum(abs(np.sum(a[rows] - c[rows])) for rows in parts)
    assert scores.adaptive_ece(records) == pytest.approx(100 * even / images)
    assert sum(one["images"] for one in scores.reliability(records)) == images


def test_batches_make_the_records_of_all():
    logits, labels = drawn(50, 5)
    parts = [Records.of(logits[i : i + 16], labels[i : i + 16]) for i in range(0, 50, 16)]
    for one, whole in zip(Records.joined(parts), Records.of(logits, labels), strict=True):
        assert torch.equal(one, whole)


def test_half_precision_is_scored_in_double():
    logits, labels = drawn(20, 5)
    half = logits.half()
    records = Records.of(half, labels)
    assert records.nll.dtype == torch.float64
    expected = torch.nn.functional.cross_entropy(half.double(), labels)
    assert records.nll.mean() == pytest.approx(expected.item(), rel=1e-12)


def test_sure_and_wrong_is_finite():
    records = Records.of(torch.tensor([[1000.0, 0.0]]), torch.tensor([1]))
    assert (records.nll.item(), records.brier.item(), records.confidence.item()) == (1000, 2, 1)


def test_classes_apart():
    labels, predicted = torch.tensor([0, 0, 2, 3]), torch.tensor([0, 1, 2, 2])
    logits = torch.nn.functional.one_hot(predicted, 5).float()
    found = scores.summary(Records.of(logits, labels), ["cat", "dog", "crane", "crane", "ox"])
    assert found["per_class"] == {
        "cat": {"images": 2, "correct": 1},
        "dog": {"images": 0, "correct": 0},
        "crane": {"images": 1, "correct": 1},
        "crane (2)": {"images": 1, "correct": 0},
        "ox": {"images": 0, "correct": 0},
    }
    assert (found["images"], found["classes"], found["accuracy"]) == (4, 5, 50)
    assert found["balanced_accuracy"] == pytest.approx(100 * (0.5 + 1 + 0) / 3)


def by_definition(base, right, r):
    """Over all pairs."""
    pairs = list(itertools.product(np.flatnonzero(base), np.flatnonzero(~base)))
    gained = [right[b] * right[n] * ((r[b] > r[n]) + 0.5 * (r[b] == r[n])) for b, n in pairs]
    return 100 * math.fsum(gained) / len(pairs)


@pytest.mark.parametrize("seed", range(6))
def test_openworld_auc_is_its_definition(seed):
    drawing = np.random.default_rng(seed)
    n = int(drawing.integers(2, 80))
    base = np.arange(n) < max(1, n // 3)
    right, r = drawing.random(n) < 0.7, drawing.integers(0, 10, n) / 10  # with ties
    found = scores.openworld_auc(*map(torch.from_numpy, (base, right, r)))
    assert found == pytest.approx(by_definition(base, right, r))


def test_openworld_auc_of_perfect_classifiers_is_the_detectors_auc():
    drawing = np.random.default_rng(7)
    base, r = np.arange(300) < 100, drawing.random(300) + 0.2 * (np.arange(300) < 100)
    found = scores.openworld_auc(*map(torch.from_numpy, (base, np.ones(300, bool), r)))
    assert found == pytest.approx(100 * metrics.roc_auc_score(base, r))


def test_openworld_scores_by_hand():
    base = torch.tensor([True, True, False, False, False])
    right = torch.tensor([True, False, False, False, True])
    own = torch.tensor([True, True, True, False, True])
    r = torch.tensor([0.9, 0.2, 0.5, 0.1, 0.2], dtype=torch.float64)
    found = scores.openworld(base, right, own, r)
    assert (found["S"], found["accuracy"]) == (50, pytest.approx(40))
    assert found["U"] == pytest.approx(100 / 3)
    assert found["H"] == pytest.approx(2 * 50 * 100 / 3 / (50 + 100 / 3))
    # right pairs: 0.9 above 0.5 and 0.2; 0.2 beside 0.2, which counts half; of 2 x 3
    assert found["openworld_auc"] == pytest.approx(100 * 2.5 / 6)


def test_nothing_right_has_no_harmonic_mean_to_divide_by():
    wrong = torch.zeros(2, dtype=torch.bool)
    found = scores.openworld(torch.tensor([True, False]), wrong, wrong, torch.zeros(2).double())
    assert set(found.values()) == {0.0}


def test_the_detector_is_the_largest_probability_of_a_base_class():
    logits, _ = drawn(9, 6)
    expected = torch.exp(logits.double() - logits.double().logsumexp(1, keepdim=True))
    assert torch.allclose(scores.base_score(logits, [1, 4]), expected[:, [1, 4]].max(1).values)
