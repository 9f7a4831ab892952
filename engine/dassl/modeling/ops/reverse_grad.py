"""Gradient reversal (Ganin and Lempitsky, ICML 2015, arXiv 1409.7495): forward, x; backward, the
gradient times -grad_scaling."""

from typing import Any

import torch
from torch import Tensor, nn


class _ReverseGrad(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, grad_scaling: float) -> Tensor:
        ctx.grad_scaling = grad_scaling
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return -ctx.grad_scaling * grad, None


reverse_grad = _ReverseGrad.apply


class ReverseGrad(nn.Module):
    """Between features and a domain critic that the features should confuse."""

    def forward(self, x: Tensor, grad_scaling: float = 1.0) -> Tensor:
        return reverse_grad(x, grad_scaling)
