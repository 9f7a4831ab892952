"""Running averages for the training log."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def _number(attribute: str) -> property:
    """A number, or a tensor that is read from its device only when somebody asks for it."""
    return property(
        lambda self: float(getattr(self, attribute)),
        lambda self, value: setattr(self, attribute, value),
    )


class AverageMeter:
    """`val` is the latest value, `avg` the mean of all, or with `ema` 0.9 avg + 0.1 val, from 0.

    Tensors are summed on their device. The host waits for them only when a value is read.
    """

    val, sum = _number("_val"), _number("_sum")

    def __init__(self, ema: bool = False):
        self.ema = ema
        self.reset()

    def reset(self) -> None:
        self._val: float | Tensor = 0.0
        self._sum: float | Tensor = 0.0
        self._average: Any = 0.0 if self.ema else None  # None: sum / count
        self.count = 0

    @property
    def avg(self) -> float:
        return self.sum / max(self.count, 1) if self._average is None else float(self._average)

    @avg.setter
    def avg(self, value: float | Tensor) -> None:
        self._average = value

    def update(self, val: float | Tensor, n: int = 1) -> None:
        self._val = val.detach() if isinstance(val, torch.Tensor) else val
        self._sum = self._sum + self._val * n
        self._average = 0.9 * self._average + 0.1 * self._val if self.ema else None
        self.count += n

    def state_dict(self) -> dict[str, Any]:
        """Tensors and numbers, for `load_state_dict` of a new meter."""
        return {"val": self._val, "sum": self._sum, "average": self._average, "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._val, self._sum, self.count = state["val"], state["sum"], state["count"]
        self._average = state["average"] if self.ema else None


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
