"""The small operations of dassl.modeling.ops; numbers are from Dassl.pytorch 0.6.3."""

import math

import pytest
import torch
from dassl.modeling.ops import ReverseGrad
from dassl.modeling.ops.utils import (
    create_onehot,
    ema_model_update,
    linear_rampup,
    reverse_index,
    sharpen_prob,
    shuffle_index,
    sigmoid_rampup,
)
from torch import nn


def test_reverse_grad():
    x = torch.ones(3, requires_grad=True)
    y = ReverseGrad()(x, grad_scaling=0.3)
    assert torch.equal(y, x)
    (y * torch.tensor([1.0, 2, 3])).sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([-0.3, -0.6, -0.9]))


def test_sharpen_prob():
    p = torch.tensor([[0.1, 0.2, 0.7], [0.25, 0.25, 0.5]])
    expected = torch.tensor([[1 / 54, 4 / 54, 49 / 54], [1 / 6, 1 / 6, 4 / 6]])
    torch.testing.assert_close(sharpen_prob(p), expected)
    torch.testing.assert_close(sharpen_prob(p, temperature=1), p)


def test_create_onehot():
    onehot = create_onehot(torch.tensor([2, 0]), 3)
    assert onehot.dtype == torch.float32 and onehot.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_rampups():
    assert [linear_rampup(current, 10) for current in (-1, 0, 5, 10, 20)] == [0, 0, 0.5, 1, 1]
    observed = [0.006737946999085467, 0.2865047968601901, 1.0]
    assert [sigmoid_rampup(current, 10) for current in (0, 5, 20)] == observed
    assert sigmoid_rampup(1, 3) == pytest.approx(math.exp(-5 * 4 / 9), abs=1e-15)
    with pytest.raises(ValueError, match="rampup_length is 0; it must be above 0"):
        linear_rampup(1, 0)


def test_orders():
    data, label = torch.arange(6).view(3, 2), torch.tensor([2, 0, 1])
    backwards = reverse_index(data, label)
    assert backwards[0].tolist() == [[4, 5], [2, 3], [0, 1]] and backwards[1].tolist() == [1, 0, 2]
    torch.manual_seed(0)
    shuffled = shuffle_index(data, label)
    assert shuffled[0].tolist() == [[4, 5], [0, 1], [2, 3]] and shuffled[1].tolist() == [1, 2, 0]


def test_ema_of_parameters_not_of_buffers():
    model, average = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    nn.init.constant_(model.weight, 2.0)
    model(torch.tensor([[1.0, 2], [3, 5]]))
    ema_model_update(model, average, 0.9)
    torch.testing.assert_close(average.weight.data, torch.full((2,), 1.1))
    assert average.weight.requires_grad and torch.equal(average.running_mean, torch.zeros(2))
