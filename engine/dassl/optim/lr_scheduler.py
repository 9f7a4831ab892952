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

from dassl.elsewhere import names_of
from dassl.optim.optimizer import MOST
from dassl.utils.checks import in_range, one_of

__getattr__ = names_of(__name__)

AVAI_SCHEDS = ["single_step", "multi_step", "cosine"]
AVAI_WARMUPS = ["constant", "linear"]


class EpochSchedule(LRScheduler):
    """Takes one step an epoch; its state is the number of epochs done."""

    def __init__(self, optimizer: torch.optim.Optimizer, optim_cfg: CfgNode):
        self._decay = _decay(optim_cfg)
        self._warmup = max(optim_cfg.WARMUP_EPOCH, 0)
        self._skipped = 0  # warm-up epochs that the decay counts
        if self._warmup:
            self._start = _start(optim_cfg)
            self._skipped = 0 if optim_cfg.WARMUP_RECOUNT else self._warmup
        self._from = self._decay(self._skipped) or 1  # 0 if all epochs are warm-up
        super().__init__(optimizer)

    def get_lr(self) -> list[Any]:
        return [self._rate(base) for base in self.base_lrs]

    def _rate(self, base: Any) -> float:
        done, warmup = self.last_epoch, self._warmup
        if done >= warmup:
            return base * self._decay(done - warmup + self._skipped) / self._from
        kind, rate = self._start
        return base * done / warmup if done and kind == "linear" else rate

    def state_dict(self) -> dict[str, Any]:
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the number of epochs done, also from Dassl.pytorch's warm-up, and set the rates."""
        self.last_epoch = state_dict["last_epoch"]
        successor = state_dict.get("successor")
        if successor is not None and self.last_epoch >= self._warmup:  # where theirs stops counting
            self.last_epoch = successor.last_epoch + self._warmup - self._skipped
        self._last_lr = self.get_lr()
        for group, rate in zip(self.optimizer.param_groups, self._last_lr, strict=True):
            group["lr"] = rate


def _start(optim_cfg: CfgNode) -> tuple[str, float]:
    """The kind of warm-up, and its first learning rate."""
    kind = one_of("OPTIM.WARMUP_TYPE", optim_cfg.WARMUP_TYPE, AVAI_WARMUPS)
    key = "WARMUP_CONS_LR" if kind == "constant" else "WARMUP_MIN_LR"
    return kind, in_range(f"OPTIM.{key}", optim_cfg[key], 0, MOST)


def _decay(optim_cfg: CfgNode) -> Callable[[int], float]:
    """The factor after n epochs."""
    name = one_of("OPTIM.LR_SCHEDULER", optim_cfg.LR_SCHEDULER, AVAI_SCHEDS)
    epochs = max(optim_cfg.MAX_EPOCH, 1)
    if name == "cosine":
        return lambda n: (1 + math.cos(math.pi * n / epochs)) / 2
    sizes = optim_cfg.STEPSIZE
    sizes = sizes if isinstance(sizes, list | tuple) else (sizes,)
    if not all(isinstance(size, int) for size in sizes) or (name == "single_step" and not sizes):
        raise ValueError(f"OPTIM.STEPSIZE is {sizes}; it takes whole numbers of epochs: (10, 20)")
    if name == "single_step" and sizes[-1] < 1:
        return lambda n: 1.0 if n < epochs else optim_cfg.GAMMA ** (n // epochs)
    gamma = in_range("OPTIM.GAMMA", optim_cfg.GAMMA, 0, MOST)
    if name == "single_step":
        return lambda n: gamma ** (n // sizes[-1])
    return lambda n: gamma ** sum(0 < milestone <= n for milestone in sizes)


def build_lr_scheduler(optimizer: torch.optim.Optimizer, optim_cfg: CfgNode) -> EpochSchedule:
    """The scheduler of OPTIM.

    Raises:
        ValueError: an unknown scheduler or warm-up.
    """
    return EpochSchedule(optimizer, optim_cfg)
