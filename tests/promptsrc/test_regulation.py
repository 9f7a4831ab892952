"""Losses, weights and aggregation against formulas written out."""

import math

import numpy as np
import pytest
import torch

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.precision import precision
from promptsrc.clip.text import tokenize
from promptsrc.clip.zeroshot import ensemble_features
from promptsrc.model import Encoded, ZeroShotCLIP, unit
from promptsrc.prompts import DeepPrompts
from promptsrc.regulation import (
    GaussianAggregation,
    SelfRegulation,
    consistency_losses,
    diverse_features,
    gaussian_weights,
    kl_divergence,
)
from promptsrc.templates import TEACHER


def test_kl_is_the_mean_over_elements_of_teacher_against_student():
    student, teacher = torch.randn(3, 5).double(), torch.randn(3, 5).double()
    p, q = teacher.softmax(-1), student.softmax(-1)
    expected = sum((p * (p.log() - q.log())).flatten().tolist()) / 15
    assert kl_divergence(student, teacher).item() == pytest.approx(expected, abs=1e-12)
    assert kl_divergence(teacher, student).item() != pytest.approx(expected, abs=1e-6)


def test_consistency_losses_have_their_weights_and_vanish_for_equals():
    f, g = torch.randn(2, 4, 8), torch.randn(2, 3, 8)
    a = Encoded(f[0], g[0], torch.randn(4, 3), f[0], g[0])
    b = Encoded(f[1], g[1], torch.randn(4, 3), f[1], g[1])
    losses = consistency_losses(a, b, lambda_1=10.0, lambda_2=25.0)
    assert losses["loss_scl_text"].item() == pytest.approx(
        25 * (a.text - b.text).abs().mean().item(), rel=1e-6
    )
    assert losses["loss_scl_image"].item() == pytest.approx(
        10 * (a.image - b.image).abs().mean().item(), rel=1e-6
    )
    assert all(
        value.item() == pytest.approx(0, abs=1e-7)
        for value in consistency_losses(a, a, lambda_1=10.0, lambda_2=25.0).values()
    )


def test_gaussian_weights_are_the_normalised_density():
    weights = gaussian_weights(20, 15, 1)
    density = [math.exp(-((e - 15) ** 2) / 2) for e in range(1, 21)]
    np.testing.assert_allclose(weights, np.array(density) / sum(density), atol=1e-15)
    assert sum(gaussian_weights(5, 1000, 0.5)) == pytest.approx(
        1.0
    )  # far from every epoch: no 0 / 0


def test_gaussian_weights_refuse_a_width_of_zero():
    with pytest.raises(ValueError, match="GPA_STD is 0; it must be above 0"):
        gaussian_weights(5, 3, 0)


def test_aggregation_is_the_weighted_sum_also_after_a_restart():
    snapshots, module = torch.randn(4, 3), torch.nn.Linear(3, 1, bias=False)
    aggregation = GaussianAggregation(4, 3, 1)
    for k, snapshot in enumerate(snapshots):
        module.weight.data.copy_(snapshot[None])
        aggregation.update(module.named_parameters())
        if k == 1:
            state, aggregation = aggregation.state_dict(), GaussianAggregation(4, 3, 1)
            aggregation.load_state_dict(state)
    assert aggregation.complete
    aggregation.apply(module.named_parameters())
    expected = (torch.tensor(aggregation.weights).double() @ snapshots.double()).float()
    torch.testing.assert_close(module.weight.data[0], expected, atol=1e-6, rtol=0)


def test_teacher_features_average_before_they_are_normalised(tiny):
    names, templates = ["cat", "fire_truck"], TEACHER[:3]
    rows = [[t.replace("{}", n.replace("_", " ")) for n in names] for t in templates]
    raw = torch.stack([tiny.encode_text(tokenize(row)) for row in rows])  # (3, 2, D)
    torch.testing.assert_close(
        diverse_features(tiny, names, templates), raw.mean(0), atol=1e-5, rtol=0
    )
    expected = unit(unit(raw).mean(0))
    torch.testing.assert_close(
        ensemble_features(tiny, names, templates), expected, atol=1e-5, rtol=0
    )


def test_losses_outside_a_training_step_are_the_same(tiny):
    """Image features without a gradient are the teacher's only while gradients are recorded."""
    names, images = ["cat", "dog"], torch.randn(2, 3, 32, 32)
    frozen = FrozenCLIP(tiny, precision("fp32", "cpu"))
    student = DeepPrompts(tiny, names, 2, 1, 2, 1).student(frozen)
    teacher = ZeroShotCLIP(frozen, diverse_features(tiny, names, TEACHER[:2]))
    regulation = SelfRegulation(teacher, GaussianAggregation(2, 1, 1))
    expected = regulation.losses(student.encode(images), images)
    with torch.no_grad():
        found = regulation.losses(student.encode(images), images)
    assert expected["loss_scl_image"] > 0
    torch.testing.assert_close(found, expected)
