"""Learning rates against those computed by hand."""

import json
import math
from pathlib import Path

import pytest
import torch
from dassl.config import get_cfg_default
from dassl.optim import build_lr_scheduler, build_optimizer

from tests.engine import observed

GOLDENS = json.loads(Path(__file__).with_name("observed.json").read_text())


@pytest.mark.parametrize("name", observed.SCHEDULES)
def test_rates_are_those_of_dassl_pytorch(name):
    """Made by `observed.py` on Dassl.pytorch 0.6.3 and PyTorch 2.5."""
    assert observed.rates(name) == pytest.approx(GOLDENS["rates"][name], abs=1e-11)


def rates(epochs, **settings):
    """The learning rate of each epoch."""
    cfg = get_cfg_default().OPTIM
    cfg.NAME, cfg.LR, cfg.MAX_EPOCH, cfg.LR_SCHEDULER = "sgd", 0.0025, epochs, "cosine"
    for key, value in settings.items():
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


def test_without_recount_pytorchs_recursion_starts_from_the_full_rate():
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
    assert rates(4, LR_SCHEDULER="multi_step", STEPSIZE=(-1, 1, 3)) == pytest.approx(expected)
    expected = [rate / 10 for rate in expected]
    assert rates(4, LR_SCHEDULER="multi_step", STEPSIZE=(0, 1, 3)) == pytest.approx(expected)
    assert rates(3, LR_SCHEDULER="multi_step", STEPSIZE=()) == [0.0025] * 3
