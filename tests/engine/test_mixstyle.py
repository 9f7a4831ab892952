"""MixStyle against its formula in float64, and against numbers that Dassl.pytorch 0.6.3 printed."""

import random

import numpy as np
import pytest
import torch
from dassl.modeling.ops import (
    MixStyle,
    activate_mixstyle,
    crossdomain_mixstyle,
    deactivate_mixstyle,
    random_mixstyle,
    run_with_mixstyle,
    run_without_mixstyle,
)
from torch import nn

# One image a value: its channel is 1, 2, 3 and 6 times that. By Dassl.pytorch 0.6.3 (PyTorch 2.5.1)
# with p 1 and alpha 0.5: the first pixel of each image after mixing, and the next random number.
IMAGES = torch.tensor([1.0, 2, 4, 8, 16])[:, None, None, None] * torch.tensor([[1.0, 2], [3, 6]])
OBSERVED = {
    ("random", 0): ([15.73653, 6.22572, 4.0, 3.47177, 12.65749], 0.774486),
    ("random", 1): ([1.26874, 4.87125, 4.0, 8.0, 6.63357], 0.21972),
    ("crossdomain", 0): ([7.87705, 11.86001, 4.0, 2.71706, 12.88033], 0.651054),
    ("crossdomain", 1): ([2.88116, 2.41018, 12.91327, 7.98123, 7.258], 0.943447),
}


@pytest.mark.parametrize("mix, seed", OBSERVED)
def test_a_seed_gives_what_dassl_pytorch_gives(mix, seed):
    torch.manual_seed(seed)
    mixed = MixStyle(p=1.0, alpha=0.5, mix=mix)(IMAGES)
    pixels, after = OBSERVED[mix, seed]
    np.testing.assert_allclose(mixed[:, 0, 0, 0], pixels, atol=1e-5)
    assert torch.rand(1).item() == pytest.approx(after, abs=1e-6)


def test_the_formula():
    x = torch.randn(6, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    layer = MixStyle(p=1.0)
    torch.manual_seed(3)
    mixed = layer(x)
    torch.manual_seed(3)
    share, others = layer.beta.sample((6, 1, 1, 1)).double().numpy(), torch.randperm(6).numpy()
    images = x.double().numpy()
    mu = images.mean((2, 3), keepdims=True)
    sigma = np.sqrt(images.var((2, 3), ddof=1, keepdims=True) + 1e-6)
    mu_mix = share * mu + (1 - share) * mu[others]
    sigma_mix = share * sigma + (1 - share) * sigma[others]
    expected = sigma_mix * (images - mu) / sigma + mu_mix
    np.testing.assert_allclose(mixed, expected, rtol=1e-5, atol=1e-5)


def test_crossdomain_pairs_the_halves(monkeypatch):
    layer = MixStyle(p=1.0, mix="crossdomain")
    monkeypatch.setattr(layer.beta, "sample", torch.zeros)  # the other style alone
    values = layer(IMAGES[:4])[:, 0, 0, 0].round(decimals=3).tolist()
    assert sorted(values[:2]) == [4, 8] and sorted(values[2:]) == [1, 2]


def test_p_is_the_share_of_mixed_batches():
    random.seed(0)
    layer = MixStyle(p=0.3, alpha=2.0)
    mixed = sum(layer(IMAGES) is not IMAGES for _ in range(400))
    assert 95 < mixed < 145  # 120 +- 2.7 standard deviations


def test_styles_carry_no_gradient():
    x = IMAGES.clone().requires_grad_()
    torch.manual_seed(0)
    layer = MixStyle(p=1.0)
    layer.eps = 0.0
    layer(x)[0].sum().backward()
    assert torch.equal(x.grad[1:], torch.zeros(4, 1, 2, 2))  # through means, they would have some
    assert x.grad[0].std() == 0


def test_a_test_does_not_mix():
    layer = MixStyle(p=1.0).eval()
    assert layer(IMAGES) is IMAGES


def test_switches():
    model = nn.Sequential(MixStyle(p=1.0), nn.Identity())
    layer = model[0]
    assert repr(layer) == "MixStyle(p=1.0, alpha=0.1, eps=1e-06, mix=random)"
    model.apply(deactivate_mixstyle)
    assert model(IMAGES) is IMAGES
    with run_with_mixstyle(model, mix="crossdomain"):
        assert model(IMAGES) is not IMAGES and layer.mix == "crossdomain"
    assert model(IMAGES) is IMAGES and layer.mix == "crossdomain"
    model.apply(activate_mixstyle).apply(random_mixstyle)
    with pytest.raises(ZeroDivisionError), run_without_mixstyle(model):
        assert model(IMAGES) is IMAGES and layer.mix == "random"
        raise ZeroDivisionError
    assert model(IMAGES) is not IMAGES
    with pytest.raises(ZeroDivisionError), run_with_mixstyle(model):
        raise ZeroDivisionError
    assert model(IMAGES) is IMAGES
    assert model.apply(crossdomain_mixstyle)[0].mix == "crossdomain"


def test_an_unknown_mix_is_refused():
    layer = MixStyle(p=1.0, mix="crosdomain")
    with pytest.raises(ValueError, match=r"'crosdomain'; choose one of random, crossdomain"):
        layer(IMAGES)
    with pytest.raises(ValueError, match="'all'"), run_with_mixstyle(layer, mix="all"):
        pass
