"""Running averages for the training log."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class AverageMeter:
    """`val` is the latest value, `avg` the mean of all, or an exponential mean with `ema`.

    Tensors are summed on their device. The host waits for them only when a value is read.
    """

    def __init__(self, ema: bool = False):
        self.ema = ema
        self.reset()

    def reset(self) -> None:
        self._val: float | Tensor = 0.0
        self._sum: float | Tensor = 0.0
        self._average: float | Tensor = 0.0
        self.count = 0

    @property
    def val(self) -> float:
        return float(self._val)

    @property
    def sum(self) -> float:
        return float(self._sum)

    @property
    def avg(self) -> float:
        return float(self._average) if self.ema else self.sum / max(self.count, 1)

    def update(self, val: float | Tensor, n: int = 1) -> None:
        self._val = val.detach() if isinstance(val, torch.Tensor) else val
        self._sum = self._sum + self._val * n
        if self.ema:
            self._average = 0.9 * self._average + 0.1 * self._val if self.count else self._val
        self.count += n

    def state_dict(self) -> dict[str, Any]:
        """Tensors and numbers, for `load_state_dict` of a new meter."""
        return {"val": self._val, "sum": self._sum, "average": self._average, "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._val, self._sum, self._average = state["val"], state["sum"], state["average"]
        self.count = state["count"]


class MetricMeter:
    """Meters by name; prints `name val (avg)` for each."""

    def __init__(self, delimiter: str = " "):
        self.meters: dict[str, AverageMeter] = defaultdict(AverageMeter)
        self.delimiter = delimiter

    def update(self, input_dict: Mapping[str, float | Tensor] | None) -> None:
        """
        Raises:
            TypeError: not a mapping.
        """
        if input_dict is None:
            return
        if not isinstance(input_dict, Mapping):
            raise TypeError(f"expected a dict of numbers, not {type(input_dict).__name__}")
        for name, value in input_dict.items():
            self.meters[name].update(value)

    def state_dict(self) -> dict[str, dict[str, Any]]:
        return {name: meter.state_dict() for name, meter in self.meters.items()}

    def load_state_dict(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        for name, meter in state.items():
            self.meters[name].load_state_dict(meter)

    def __str__(self) -> str:
        return self.delimiter.join(
            f"{name} {m.val:.4f} ({m.avg:.4f})" for name, m in self.meters.items()
        )
