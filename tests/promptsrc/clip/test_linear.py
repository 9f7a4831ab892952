"""Products by oneDNN equal PyTorch's own, forward and gradient; others stay PyTorch's own."""

import pytest
import torch
from torch import nn

from promptsrc.clip.linear import by_onednn, linear

needs_onednn = pytest.mark.skipif(
    not by_onednn(torch.empty(1, 1), torch.empty(1, 1)), reason="a CPU without AVX-512"
)


def product_and_gradient(shape, alpha, beta, dtype):
    """The product and the gradient of its input, of rows that are not contiguous."""
    draw = torch.Generator().manual_seed(0)
    weight, bias, x = (
        torch.randn(size, generator=draw).to(dtype) for size in ((48, 16), (48,), (*shape, 32))
    )
    x = x[..., ::2].requires_grad_()
    out = linear(x, weight, bias, alpha, beta)
    return out, *torch.autograd.grad(out.sum(), x)  # an expanded gradient


@pytest.mark.parametrize("alpha, beta", [(1, 1), (1.702, 1.702), (1, 1.702)])
@pytest.mark.parametrize("shape", [(1,), (37,), (3, 5), (2, 3, 7)])
def test_it_is_the_product(shape, alpha, beta):
    for ours, exact in zip(
        product_and_gradient(shape, alpha, beta, torch.float32),
        product_and_gradient(shape, alpha, beta, torch.float64),
        strict=True,
    ):
        assert ours.shape == exact.shape and ours.dtype == torch.float32
        torch.testing.assert_close(ours.double(), exact, atol=1e-4, rtol=0)


@needs_onednn
def test_weights_that_learn_and_other_precisions_have_pytorchs_own(monkeypatch):
    x, weight = torch.ones(2, 4), torch.ones(3, 4)
    assert by_onednn(x, weight)
    assert not by_onednn(x, weight.clone().requires_grad_())
    assert not by_onednn(x.double(), weight.double())
    assert not by_onednn(x.to("meta"), weight)
    with torch.autocast("cpu", torch.bfloat16):
        assert not by_onednn(x, weight)
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    assert not by_onednn(x, weight)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.ones(3, 4))
        self.register_buffer("bias", torch.ones(3))

    def forward(self, x):
        return linear(x, self.weight, self.bias, alpha=2.0)


def test_an_exported_program_runs_without_onednn():
    program = torch.export.export(Layer(), (torch.ones(2, 4),))
    assert not any("mkldnn" in str(node.target) for node in program.graph.nodes)
    assert program.module()(torch.ones(2, 4)).tolist() == [[9.0] * 3] * 2
