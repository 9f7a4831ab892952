"""The cross-entropy of a training against its formula, in float64, and in every trainer."""

from types import SimpleNamespace

import pytest
import torch

from trainers.cross_entropy import cross_entropy

CPU = torch.device("cpu")


def settings(smoothing=0.0, weights="none"):
    return SimpleNamespace(LABEL_SMOOTHING=smoothing, CLASS_WEIGHTS=weights)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_the_formula(smoothing, weights):
    logits = torch.randn(7, 4, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(4, (7,))
    items = [SimpleNamespace(label=label) for label in (0, 0, 0, 1, 1, 2, 3, 3)]
    dataset = SimpleNamespace(train_x=items, classnames=list("abcd"))
    loss_of = cross_entropy(settings(smoothing, weights), dataset, CPU)
    if weights == "balanced":
        loss_of.keywords["weight"] = loss_of.keywords["weight"].double()
    w = (
        torch.ones(4).double()
        if weights == "none"
        else 8 / (4 * torch.tensor([3.0, 2, 1, 2]).double())
    )
    target = (1 - smoothing) * torch.eye(4).double()[labels] + smoothing / 4  # (B, C)
    log_p = logits.log_softmax(-1)
    expected = -(w * target * log_p).sum() / w[labels].sum()
    loss = loss_of(logits, labels)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    ours, theirs = (torch.autograd.grad(x, logits, retain_graph=True)[0] for x in (loss, expected))
    assert torch.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    "smoothing, weights, message",
    [
        (1.0, "none", "TRAIN.LABEL_SMOOTHING is 1.0; it is at least 0 and below 1"),
        (-0.1, "none", "TRAIN.LABEL_SMOOTHING is -0.1"),
        (0.1, "even", "TRAIN.CLASS_WEIGHTS is 'even'; choose one of none, balanced"),
    ],
)
def test_other_values_are_refused(smoothing, weights, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy(settings(smoothing, weights), None, CPU)
