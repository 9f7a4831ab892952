"""Running averages for the training log."""

from collections import defaultdict
from collections.abc import Mapping

import torch


class AverageMeter:
    """`val` is the newest value, `avg` the mean of all, or with `ema` an exponential one.

    Tensors are summed up where they are; the host waits for them when a number is read, not at every update.
    """

    def __init__(self, ema: bool = False):
        self.ema = ema
        self.reset()

    def reset(self) -> None:
        self._val: float | torch.Tensor = 0.0
        self._sum: float | torch.Tensor = 0.0
        self._average: float | torch.Tensor = 0.0
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

    def update(self, val: float | torch.Tensor, n: int = 1) -> None:
        self._val = val.detach() if isinstance(val, torch.Tensor) else val
        self._sum = self._sum + self._val * n
        if self.ema:
            self._average = 0.9 * self._average + 0.1 * self._val if self.count else self._val
        self.count += n

    def state_dict(self) -> dict[str, float | int | torch.Tensor]:
        """Tensors and numbers; `load_state_dict` of a meter that is as new goes on from there."""
        return {"val": self._val, "sum": self._sum, "average": self._average, "count": self.count}

    def load_state_dict(self, state: Mapping[str, float | int | torch.Tensor]) -> None:
        self._val, self._sum, self._average, self.count = (
            state[key] for key in ("val", "sum", "average", "count")
        )


class MetricMeter:
    """Meters by name; prints `name val (avg)` for each."""

    def __init__(self, delimiter: str = " "):
        self.meters: dict[str, AverageMeter] = defaultdict(AverageMeter)
        self.delimiter = delimiter

    def update(self, input_dict: Mapping[str, float | torch.Tensor] | None) -> None:
        """
        Raises:
            TypeError: not a mapping.
        """
        if input_dict is None:
            return
        if not isinstance(input_dict, Mapping):
            raise TypeError(f"a dict of numbers is expected, not {type(input_dict).__name__}")
        for name, value in input_dict.items():
            self.meters[name].update(value)

    def state_dict(self) -> dict[str, dict[str, float | int | torch.Tensor]]:
        return {name: meter.state_dict() for name, meter in self.meters.items()}

    def load_state_dict(
        self, state: Mapping[str, Mapping[str, float | int | torch.Tensor]]
    ) -> None:
        for name, numbers in state.items():
            self.meters[name].load_state_dict(numbers)

    def __str__(self) -> str:
        return self.delimiter.join(
            f"{name} {m.val:.4f} ({m.avg:.4f})" for name, m in self.meters.items()
        )
