"""Accuracy among the k best scores."""

import pytest
import torch
from dassl.metrics import compute_accuracy


def test_accuracy_at_k():
    output = torch.tensor([[3.0, 2, 1], [3, 2, 1], [1, 2, 3]])
    top1, top2 = compute_accuracy(output, torch.tensor([0, 1, 0]), topk=(1, 2))
    assert (top1.item(), top2.item()) == (pytest.approx(100 / 3), pytest.approx(200 / 3))
