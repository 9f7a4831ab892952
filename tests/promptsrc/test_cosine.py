import torch

from promptsrc.cosine import cosine_distance
from promptsrc.model import unit


def test_the_distance_by_hand():
    features = torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])
    target = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, -1.0]])  # cosines 1, 0, -1
    assert cosine_distance(features, target) == 1
    assert cosine_distance(features, features) == 0


def test_it_is_half_of_the_squared_distance_of_unit_features():
    f, g = unit(torch.randn(2, 5, 8, generator=torch.manual_seed(0)))
    half = (f - g).square().sum(-1).mean() / 2
    torch.testing.assert_close(cosine_distance(f, g), half)
