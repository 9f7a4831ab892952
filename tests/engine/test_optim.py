"""Learning rates against hand-computed ones, optimizers by name."""

import math

import pytest
import torch
from dassl.config import get_cfg_default
from dassl.optim import build_lr_scheduler, build_optimizer


def rates(epochs, **settings):
    """The learning rate of each epoch."""
    cfg = get_cfg_default().OPTIM
    for key, value in {
        "NAME": "sgd",
        "LR": 0.0025,
        "MAX_EPOCH": epochs,
        "LR_SCHEDULER": "cosine",
        **settings,
    }.items():
        cfg[key] = value
    optimizer = build_optimizer([torch.nn.Parameter(torch.zeros(1))], cfg)
    schedule, seen = build_lr_scheduler(optimizer, cfg), []
    for _ in range(epochs):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return seen


def cosine(n, epochs, lr=0.0025):
    return lr / 2 * (1 + math.cos(math.pi * n / epochs))


def test_cosine_without_warm_up():
    assert rates(5) == pytest.approx([cosine(n, 5) for n in range(5)], abs=1e-15)


def test_constant_warm_up_recounts_by_default():
    expected = [1e-5, *(cosine(n, 20) for n in range(19))]
    assert rates(20, WARMUP_EPOCH=1, WARMUP_TYPE="constant") == pytest.approx(expected, abs=1e-15)


def test_linear_warm_up():
    expected = [1e-5, 0.0025 / 3, 0.0025 * 2 / 3, *(cosine(n, 6) for n in range(3))]
    assert rates(6, WARMUP_EPOCH=3, WARMUP_TYPE="linear") == pytest.approx(expected, abs=1e-15)


def test_without_recount_torchs_recursion_goes_on_from_the_full_rate():
    ours = rates(8, WARMUP_EPOCH=2, WARMUP_TYPE="constant", WARMUP_RECOUNT=False)
    lr, expected = 0.0025, [1e-5, 1e-5]
    for n in range(2, 8):
        expected.append(lr)
        lr *= (1 + math.cos(math.pi * (n + 1) / 8)) / (1 + math.cos(math.pi * n / 8))
    assert ours == pytest.approx(expected, abs=1e-15)


def test_steps():
    assert rates(5, LR_SCHEDULER="single_step", STEPSIZE=(2,)) == pytest.approx(
        [0.0025] * 2 + [0.00025] * 2 + [0.000025]
    )
    assert rates(3, LR_SCHEDULER="single_step", STEPSIZE=(-1,)) == pytest.approx([0.0025] * 3)
    expected = [0.0025, 0.00025, 0.00025, 0.000025]
    assert rates(4, LR_SCHEDULER="multi_step", STEPSIZE=(1, 3)) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["adam", "amsgrad", "sgd", "rmsprop", "radam", "adamw"])
def test_every_optimizer_descends_with_its_weight_decay(name):
    cfg = get_cfg_default().OPTIM
    cfg.NAME, cfg.LR = name, 0.01
    torch.manual_seed(2)
    model = torch.nn.Linear(2, 1)
    optimizer = build_optimizer(model, cfg)
    before = model(torch.ones(1, 2)).square().item()
    for _ in range(20):
        optimizer.zero_grad()
        model(torch.ones(1, 2)).square().sum().backward()
        optimizer.step()
    assert model(torch.ones(1, 2)).square().item() < before
    assert optimizer.param_groups[0]["weight_decay"] == 5e-4


def test_staged_rates():
    cfg = get_cfg_default().OPTIM
    cfg.NAME, cfg.STAGED_LR, cfg.NEW_LAYERS = "sgd", True, ("1",)
    groups = build_optimizer(
        torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 3)), cfg
    ).param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.00003, 0.0003])
    assert groups[1]["params"][0].shape == (3, 2)


@pytest.mark.parametrize(
    "key, value", [("NAME", "sdg"), ("LR_SCHEDULER", "cosin"), ("WARMUP_TYPE", "lin")]
)
def test_unknown_names_say_what_there_is(key, value):
    cfg = get_cfg_default().OPTIM
    cfg[key], cfg.WARMUP_EPOCH = value, 1
    with pytest.raises(
        ValueError, match=f"{value!r} is not available; choose one of .*did you mean"
    ):
        build_lr_scheduler(build_optimizer(torch.nn.Linear(1, 1), cfg), cfg)
