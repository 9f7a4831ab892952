"""Learning rates in closed form, so that a run resumes from the number of epochs done alone.

Epochs are k = 1, 2, ... Of E = MAX_EPOCH epochs the first W are the warm-up, and n = k - 1 - W is
the number of epochs done since:

    constant warm-up   WARMUP_CONS_LR
    linear warm-up     WARMUP_MIN_LR in epoch 1, then lr (k - 1) / W
    cosine             lr / 2 (1 + cos(pi n / E)); with a warm-up it never reaches 0
    single_step        lr gamma^floor(n / STEPSIZE)
    multi_step         lr gamma^(number of STEPSIZE milestones <= n)

With WARMUP_RECOUNT False, n also counts the warm-up epochs; the decay is divided by its value at
n = W, so that it starts from lr.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler
from yacs.config import CfgNode

from dassl.utils.tools import check_availability

AVAI_SCHEDS = ["single_step", "multi_step", "cosine"]
AVAI_WARMUPS = ["constant", "linear"]


class EpochSchedule(LRScheduler):
    """Takes one step an epoch; its state is the number of epochs done."""

    def __init__(self, optimizer: torch.optim.Optimizer, optim_cfg: CfgNode):
        self._cfg = optim_cfg
        self._decay = _decay(optim_cfg)
        self._warmup = max(optim_cfg.WARMUP_EPOCH, 0)
        super().__init__(optimizer)

    def get_lr(self) -> list[Any]:
        return [self._rate(base) for base in self.base_lrs]

    def _rate(self, base: Any) -> float:
        done, warmup = self.last_epoch, self._warmup
        if done >= warmup:
            skipped = 0 if self._cfg.WARMUP_RECOUNT else warmup
            return base * self._decay(done - warmup + skipped) / self._decay(skipped)
        if self._cfg.WARMUP_TYPE == "constant":
            return self._cfg.WARMUP_CONS_LR
        return base * done / warmup if done else self._cfg.WARMUP_MIN_LR

    def state_dict(self) -> dict[str, Any]:
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the number of epochs done, also from Dassl.pytorch's warm-up, and set the rates."""
        self.last_epoch = state_dict["last_epoch"]
        successor = state_dict.get("successor")
        if successor is not None and self.last_epoch >= self._warmup:  # where theirs stops counting
            skipped = self._warmup if self._cfg.WARMUP_RECOUNT else 0
            self.last_epoch = successor.last_epoch + skipped
        self._last_lr = self.get_lr()
        for group, rate in zip(self.optimizer.param_groups, self._last_lr, strict=True):
            group["lr"] = rate


def _decay(optim_cfg: CfgNode) -> Callable[[int], float]:
    """The factor after n epochs."""
    name, epochs, gamma = optim_cfg.LR_SCHEDULER, optim_cfg.MAX_EPOCH, optim_cfg.GAMMA
    check_availability(name, AVAI_SCHEDS)
    sizes = optim_cfg.STEPSIZE
    sizes = sizes if isinstance(sizes, list | tuple) else (sizes,)
    if name == "cosine":
        return lambda n: (1 + math.cos(math.pi * n / epochs)) / 2
    if name == "single_step":
        size = sizes[-1] if sizes[-1] > 0 else epochs
        return lambda n: gamma ** (n // size)
    return lambda n: gamma ** sum(milestone <= n for milestone in sizes)


def build_lr_scheduler(optimizer: torch.optim.Optimizer, optim_cfg: CfgNode) -> EpochSchedule:
    """The scheduler of OPTIM.

    Raises:
        ValueError: an unknown scheduler or warm-up.
    """
    if optim_cfg.WARMUP_EPOCH > 0:
        check_availability(optim_cfg.WARMUP_TYPE, AVAI_WARMUPS)
    return EpochSchedule(optimizer, optim_cfg)
