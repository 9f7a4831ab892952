"""What our trainers add to Dassl.pytorch; docs/DASSL.md says what was run on it."""

import math
from types import SimpleNamespace

import pytest
import torch

from runs.config import default_config
from trainers.dassl_pytorch import _TrainerWithState


def test_a_renewed_schedule_drives_the_live_optimizer_from_where_it_was():
    cfg = default_config()
    cfg.OPTIM.LR, cfg.OPTIM.LR_SCHEDULER, cfg.OPTIM.MAX_EPOCH = 0.0025, "cosine", 20
    cfg.OPTIM.WARMUP_EPOCH, cfg.OPTIM.WARMUP_TYPE = 1, "constant"
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.0025)
    optimizer.param_groups[0] |= {
        "lr": 0.001,
        "initial_lr": 0.0025,
    }  # as a checkpoint of the middle of a run has it
    trainer = SimpleNamespace(cfg=cfg, _optims={"prompts": optimizer}, _scheds={"prompts": None})
    _TrainerWithState._renew_schedule(trainer, "prompts", 7)
    for epoch in (8, 9, 10):  # 1-based; one of them is the warm-up
        expected = 0.0025 / 2 * (1 + math.cos(math.pi * (epoch - 2) / 20))
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected, rel=1e-9)
        optimizer.step()
        trainer._scheds["prompts"].step()
