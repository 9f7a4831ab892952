"""ProGrad's two losses and its gradient, by hand."""

import pytest
import torch

from promptsrc.projection import agreement_loss, projected

AGAINST, ALONG = torch.tensor([[0.0, -2.0]]), torch.tensor([[0.0, 5.0]])
G = torch.tensor([[3.0, 4.0]])


@pytest.mark.parametrize(
    "general, lambda_, expected",
    [
        (AGAINST, 1.0, [3, 0]),  # the opposing part is gone
        (AGAINST, 0.5, [3, 2]),
        (AGAINST, 0.0, [3, 4]),
        (ALONG, 1.0, [3, 4]),
        (torch.zeros(1, 2), 1.0, [3, 4]),
    ],
)
def test_what_opposes_the_general_direction_is_removed(general, lambda_, expected):
    torch.testing.assert_close(projected(G, general, lambda_), torch.tensor([expected]).float())


def test_a_scalers_factor_stays_and_an_overflow_is_seen():
    scaled = projected(2**16 * G, 2**16 * AGAINST, 0.8)
    assert torch.equal(scaled, 2**16 * projected(G, AGAINST, 0.8))
    assert projected(G, torch.tensor([[0.0, float("inf")]]), 1.0).isnan().any()


def test_the_gradient_of_the_agreement_is_that_of_the_divergence():
    logits, zero_shot = torch.randn(2, 4, 5, generator=torch.manual_seed(0))
    logits.requires_grad_()
    (ours,) = torch.autograd.grad(agreement_loss(logits, zero_shot, 2.0), logits)
    p, log_p = (zero_shot / 2).softmax(-1), (zero_shot / 2).log_softmax(-1)
    divergence = (p * (log_p - (logits / 2).log_softmax(-1))).sum() / len(logits)
    (expected,) = torch.autograd.grad(2.0**2 * divergence, logits)
    torch.testing.assert_close(ours, expected)
