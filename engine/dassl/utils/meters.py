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

    def __str__(self) -> str:
        return self.delimiter.join(f"{name} {m.val:.4f} ({m.avg:.4f})" for name, m in self.meters.items())
