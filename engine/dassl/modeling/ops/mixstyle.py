"""Domain generalisation with MixStyle (Zhou et al., ICLR 2021, arXiv 2104.02008).

The style of an image is the mean and the standard deviation of each channel of its feature maps.
While training, with probability p, each image takes a style between its own and another image's:

    sigma_mix (x - mu) / sigma + mu_mix,    lambda ~ Beta(alpha, alpha)
    mu_mix = lambda mu + (1 - lambda) mu',  sigma_mix = lambda sigma + (1 - lambda) sigma'
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributions import Beta

from dassl.utils.checks import one_of

MIXES = ("random", "crossdomain")


class MixStyle(nn.Module):
    """Feature maps (B, C, H, W) -> the same shape, in mixed styles; the identity in a test.

    Args:
        mix: `random` pairs any images of a batch; `crossdomain` pairs each image of its first half
            with one of the second and the reverse, for batches of two domains in this order.
    """

    def __init__(self, p: float = 0.5, alpha: float = 0.1, eps: float = 1e-6, mix: str = "random"):
        super().__init__()
        self.p, self.alpha, self.eps, self.mix = p, alpha, eps, mix
        self.beta = Beta(alpha, alpha)
        self._activated = True

    def extra_repr(self) -> str:
        return f"p={self.p}, alpha={self.alpha}, eps={self.eps}, mix={self.mix}"

    def set_activation_status(self, status: bool = True) -> None:
        self._activated = status

    def update_mix_method(self, mix: str = "random") -> None:
        self.mix = mix

    def forward(self, x: Tensor) -> Tensor:
        """
        Raises:
            ValueError: `mix` is neither random nor crossdomain.
        """
        if not self.training or not self._activated or random.random() > self.p:
            return x
        mu = x.mean((2, 3), keepdim=True).detach()  # (B, C, 1, 1)
        sigma = (x.var((2, 3), keepdim=True) + self.eps).sqrt().detach()
        normed = (x - mu) / sigma
        share = self.beta.sample((len(x), 1, 1, 1)).to(x.device)
        others = self._others(len(x))
        mu_mix = mu * share + mu[others] * (1 - share)
        sigma_mix = sigma * share + sigma[others] * (1 - share)
        return normed * sigma_mix + mu_mix

    def _others(self, n: int) -> Tensor:
        """Of each of n images the one whose style it is mixed with."""
        if one_of("MixStyle's mix", self.mix, MIXES) == "random":
            return torch.randperm(n)
        second, first = torch.arange(n - 1, -1, -1).chunk(2)
        second, first = second[torch.randperm(len(second))], first[torch.randperm(len(first))]
        return torch.cat([second, first])


def activate_mixstyle(m: nn.Module) -> None:
    """For `model.apply`, as are the next three."""
    if isinstance(m, MixStyle):
        m.set_activation_status(True)


def deactivate_mixstyle(m: nn.Module) -> None:
    if isinstance(m, MixStyle):
        m.set_activation_status(False)


def random_mixstyle(m: nn.Module) -> None:
    if isinstance(m, MixStyle):
        m.update_mix_method("random")


def crossdomain_mixstyle(m: nn.Module) -> None:
    if isinstance(m, MixStyle):
        m.update_mix_method("crossdomain")


@contextmanager
def run_with_mixstyle(model: nn.Module, mix: str | None = None) -> Iterator[None]:
    """Styles are mixed in this block, by `mix` if given, and not after it.

    Raises:
        ValueError: `mix` is neither random nor crossdomain.
    """
    if mix is not None:
        chosen = one_of("mix", mix, MIXES)
        model.apply(random_mixstyle if chosen == "random" else crossdomain_mixstyle)
    model.apply(activate_mixstyle)
    try:
        yield
    finally:
        model.apply(deactivate_mixstyle)


@contextmanager
def run_without_mixstyle(model: nn.Module) -> Iterator[None]:
    """Styles are not mixed in this block, but after it."""
    model.apply(deactivate_mixstyle)
    try:
        yield
    finally:
        model.apply(activate_mixstyle)
