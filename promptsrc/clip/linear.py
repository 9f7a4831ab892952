"""Products with frozen weights, by the faster of the two libraries that PyTorch comes with.

On a CPU PyTorch multiplies float32 with MKL, which takes AVX2 on processors that are not Intel's.
oneDNN takes AVX-512 wherever there is AVX-512, twice the rate.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


def linear(
    x: Tensor, weight: Tensor, bias: Tensor, alpha: float = 1.0, beta: float = 1.0
) -> Tensor:
    """alpha x W^T + beta b: (..., in) -> (..., out)."""
    if by_onednn(x, weight):
        x, bias = (x if alpha == 1 else alpha * x), (bias if beta == 1 else beta * bias)
        return _Product.apply(x, weight, bias)
    if alpha == beta == 1:
        return F.linear(x, weight, bias)
    out = torch.addmm(bias, x.flatten(0, -2), weight.t(), beta=beta, alpha=alpha)
    return out.view(*x.shape[:-1], -1)


def by_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN computes a product; not in graphs, which may run elsewhere.

    It is chosen by the machine, not by time, so that a resumed run has equal rounding.
    """
    return (
        not torch.compiler.is_compiling()
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and torch.backends.mkldnn.is_available()
        and bool(torch.backends.mkldnn.enabled)
        and not weight.requires_grad
        and not torch.is_autocast_enabled("cpu")
    )


class _Product(torch.autograd.Function):
    """x W^T + b, with a gradient for x alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return _product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return _product(gradient, weight.t(), None), None, None


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
