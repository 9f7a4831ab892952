"""Learning rates in closed form, so that a run resumes from numbers of epochs alone.

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


class EpochSchedule(LRScheduler):
    """A decay that takes one step an epoch; its state is the number n of epochs that it counts.

    It starts at n = `first` with the full rate.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, optim_cfg: CfgNode, first: int = 0):
        self._decay, self.first = _decay(optim_cfg), first
        start = self._decay(0) or 1  # less than 1 for a milestone at 0
        self._from = self._decay(first) / start or 1  # 0 if all epochs are warm-up
        super().__init__(optimizer)
        self.load_state_dict({"last_epoch": first})

    def get_lr(self) -> list[Any]:
        return [base * self._decay(self.last_epoch) / self._from for base in self.base_lrs]

    def state_dict(self) -> dict[str, Any]:
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the number of epochs, and set the rates."""
        self.last_epoch = state_dict["last_epoch"]
        _set_rates(self, self.get_lr())


class _BaseWarmupScheduler(LRScheduler):
    """`warmup_epoch` epochs at rates of its own, then those of `successor`, another scheduler."""

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        successor: LRScheduler,
        warmup_epoch: int,
        last_epoch: int = -1,
        verbose: bool = False,  # for PyTorch up to 2.6, which prints every rate
    ):
        self.successor, self.warmup_epoch = successor, warmup_epoch
        super().__init__(optimizer, last_epoch)

    def warm(self, base: Any) -> float:
        """The rate of this epoch, for a group whose full rate is `base`."""
        raise NotImplementedError

    def get_lr(self) -> list[Any]:
        if self.last_epoch < self.warmup_epoch:
            return [self.warm(base) for base in self.base_lrs]
        return self.successor.get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        if self.last_epoch < self.warmup_epoch:
            super().step(epoch)
        else:
            self.successor.step(epoch)
            self._last_lr = self.successor.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        return {"last_epoch": self.last_epoch, "successor_state": self.successor.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the numbers of epochs, and set the rates.

        Dassl.pytorch saves the successor itself, and our older files one number for both.
        """
        done, theirs = state_dict["last_epoch"], state_dict.get("successor")
        state = state_dict.get("successor_state") or (theirs and theirs.state_dict())
        if state is None:
            state = {"last_epoch": self.successor.first + max(done - self.warmup_epoch, 0)}
        self.last_epoch = min(done, self.warmup_epoch)
        self.successor.load_state_dict(state)
        _set_rates(self, self.get_lr())


class ConstantWarmupScheduler(_BaseWarmupScheduler):
    """A warm-up at `cons_lr`."""

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        successor: LRScheduler,
        warmup_epoch: int,
        cons_lr: float,
        last_epoch: int = -1,
        verbose: bool = False,
    ):
        self.cons_lr = cons_lr
        super().__init__(optimizer, successor, warmup_epoch, last_epoch, verbose)

    def warm(self, base: Any) -> float:
        return self.cons_lr


class LinearWarmupScheduler(_BaseWarmupScheduler):
    """A warm-up at `min_lr`, then on the line from 0 to the full rate."""

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        successor: LRScheduler,
        warmup_epoch: int,
        min_lr: float,
        last_epoch: int = -1,
        verbose: bool = False,
    ):
        self.min_lr = min_lr
        super().__init__(optimizer, successor, warmup_epoch, last_epoch, verbose)

    def warm(self, base: Any) -> float:
        return base * self.last_epoch / self.warmup_epoch if self.last_epoch else self.min_lr


def _set_rates(schedule: LRScheduler, rates: list[Any]) -> None:
    schedule._last_lr = rates
    for group, rate in zip(schedule.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate


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
    return lambda n: gamma ** sum(0 <= milestone <= n for milestone in sizes)


WARMUPS = {
    "constant": (ConstantWarmupScheduler, "WARMUP_CONS_LR"),
    "linear": (LinearWarmupScheduler, "WARMUP_MIN_LR"),
}


def build_lr_scheduler(optimizer: torch.optim.Optimizer, optim_cfg: CfgNode) -> LRScheduler:
    """The scheduler of OPTIM: a decay, in a warm-up if WARMUP_EPOCH is above 0.

    Raises:
        ValueError: an unknown scheduler or warm-up.
    """
    epochs = optim_cfg.WARMUP_EPOCH
    if epochs <= 0:
        return EpochSchedule(optimizer, optim_cfg)
    kind, key = WARMUPS[one_of("OPTIM.WARMUP_TYPE", optim_cfg.WARMUP_TYPE, WARMUPS)]
    rate = in_range(f"OPTIM.{key}", optim_cfg[key], 0, MOST)
    counted = 0 if optim_cfg.WARMUP_RECOUNT else epochs  # by the decay
    return kind(optimizer, EpochSchedule(optimizer, optim_cfg, first=counted), epochs, rate)
