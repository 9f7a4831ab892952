"""Running averages for the training log."""

from collections import defaultdict
from collections.abc import Mapping

import torch


class AverageMeter:
    """`val` is the newest value, `avg` the mean of all, or with `ema` an exponential one."""

    def __init__(self, ema: bool = False):
        self.ema = ema
        self.reset()

    def reset(self) -> None:
        self.val = self.avg = self.sum = 0.0
        self.count = 0

    def update(self, val: float | torch.Tensor, n: int = 1) -> None:
        self.val = val.item() if isinstance(val, torch.Tensor) else val
        self.sum += self.val * n
        self.count += n
        if self.ema and self.count > n:
            self.avg = 0.9 * self.avg + 0.1 * self.val
        else:
            self.avg = self.val if self.ema else self.sum / self.count


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
