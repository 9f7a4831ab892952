"""Adapters against plain float64 computations of their papers' equations."""

import pytest
import torch

from promptsrc.adapters.prototypes import class_confidences


def test_the_confidence_of_a_class_is_its_mean_probability_over_its_samples():
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 4, dtype=torch.float64), torch.tensor([0, 2, 2, 0, 1, 2])
    expected = [
        sum(float(logits[i].exp()[c] / logits[i].exp().sum()) for i in rows) / len(rows)
        for c, rows in enumerate([[0, 3], [4], [1, 2, 5]])
    ]
    assert class_confidences(logits, labels).tolist() == pytest.approx([*expected, 0.0])
