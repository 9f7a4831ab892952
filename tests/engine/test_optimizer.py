"""Optimizers by name."""

import pytest
import torch
from dassl.config import get_cfg_default
from dassl.optim import build_lr_scheduler, build_optimizer


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
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 3))
    groups = build_optimizer(model, cfg).param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.00003, 0.0003])
    assert groups[1]["params"][0].shape == (3, 2)


@pytest.mark.parametrize(
    "key, value", [("NAME", "sdg"), ("LR_SCHEDULER", "cosin"), ("WARMUP_TYPE", "lin")]
)
def test_unknown_names_say_what_there_is(key, value):
    cfg = get_cfg_default().OPTIM
    cfg[key], cfg.WARMUP_EPOCH = value, 1
    says = f"OPTIM.{key} is {value!r}; choose one of .*did you mean"
    with pytest.raises(ValueError, match=says):
        build_lr_scheduler(build_optimizer(torch.nn.Linear(1, 1), cfg), cfg)
