"""Optimizers by name."""

import json
from pathlib import Path

import pytest
import torch
from dassl.config import get_cfg_default
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.optim.radam import RAdam

from tests.engine import observed

GOLDENS = json.loads(Path(__file__).with_name("observed.json").read_text())


@pytest.mark.parametrize("name", observed.OPTIMIZERS)
def test_descents_are_those_of_dassl_pytorch(name):
    """Made by `observed.py` on Dassl.pytorch 0.6.3 and PyTorch 2.5."""
    assert observed.descent(name) == pytest.approx(GOLDENS["descents"][name], rel=1e-5)


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
    with pytest.warns(UserWarning, match="STAGED_LR: ignored, because the parameters come in gr"):
        build_optimizer(model, cfg, groups)
    model.scale = torch.nn.Parameter(torch.ones(1))
    with pytest.warns(UserWarning, match="STAGED_LR: scale of the model itself belong to no layer"):
        groups = build_optimizer(model, cfg).param_groups
    assert [len(group["params"]) for group in groups] == [2, 2]
    cfg.NEW_LAYERS = ("2",)
    del model.scale
    with pytest.warns(UserWarning, match=r"STAGED_LR: none of NEW_LAYERS \('2',\) is here"):
        build_optimizer(model, cfg)


def test_radam_waits_for_the_variance_or_takes_plain_steps():
    """The first five steps with beta2 0.999 are the paper's unrectified ones."""
    for degenerated, moved in ((True, [True] * 7), (False, [False] * 5 + [True] * 2)):
        parameter, seen = torch.nn.Parameter(torch.ones(2)), []
        optimizer = RAdam([parameter], weight_decay=0.1, degenerated_to_sgd=degenerated)
        for _ in range(7):
            before, parameter.grad = parameter.detach().clone(), torch.tensor([1.0, -2.0])
            optimizer.step()
            seen.append(not torch.equal(before, parameter))
        assert seen == moved
    with pytest.raises(ValueError, match=r"betas \(0.9, 1\) at least 0 and below 1"):
        RAdam([parameter], betas=(0.9, 1))


def test_radam_updates_half_precision_in_float32_and_resumes():
    def run(resumed_at=None):
        torch.manual_seed(0)
        parameter = torch.nn.Parameter(torch.randn(50).half())
        optimizer = RAdam([parameter], lr=0.01)
        for step in range(12):
            parameter.grad = torch.randn(50).half()
            if step == resumed_at:
                saved, optimizer = optimizer.state_dict(), RAdam([parameter], lr=0.01)
                optimizer.load_state_dict(saved)
            optimizer.step()
        state = optimizer.state[parameter]
        return parameter, state["exp_avg"], state["exp_avg_sq"]

    for whole, resumed, dtype in zip(
        run(), run(7), (torch.half, torch.float, torch.float), strict=True
    ):
        assert whole.dtype == dtype and torch.equal(whole, resumed)


@pytest.mark.parametrize(
    "key, value", [("NAME", "sdg"), ("LR_SCHEDULER", "cosin"), ("WARMUP_TYPE", "lin")]
)
def test_unknown_names_say_what_there_is(key, value):
    cfg = get_cfg_default().OPTIM
    cfg[key], cfg.WARMUP_EPOCH = value, 1
    says = f"OPTIM.{key} is {value!r}; choose one of .*did you mean"
    with pytest.raises(ValueError, match=says):
        build_lr_scheduler(build_optimizer(torch.nn.Linear(1, 1), cfg), cfg)
