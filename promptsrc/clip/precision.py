"""One policy for device and precision: what `PREC` means, in one place.

| PREC | frozen towers | arithmetic                        |
|------|---------------|-----------------------------------|
| fp32 | float32       | float32                           |
| fp16 | float16       | float16, layer norms in float32   |
| bf16 | bfloat16      | bfloat16, layer norms in float32  |
| amp  | float32       | float16 autocast, scaled gradient |

Prompts, their momentum, the features after normalisation and the losses are float32 in all of them.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

CHOICES = ("fp32", "fp16", "amp", "bf16")


@dataclass(frozen=True)
class Precision:
    """Device and number formats of a run."""

    device: torch.device
    towers: torch.dtype = torch.float32
    autocast_to: torch.dtype | None = None

    def autocast(self) -> AbstractContextManager:
        """The context that the towers run in."""
        if self.autocast_to is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.autocast_to)

    def grad_scaler(self) -> torch.amp.GradScaler:
        """Scales the loss under autocast; otherwise passes everything through."""
        return torch.amp.GradScaler(self.device.type, enabled=self.autocast_to is not None)

    def cast(self, clip: nn.Module) -> None:
        """Cast CLIP's towers once, in place.

        Layer norms and batch norms compute in float32, as CLIP's own do. The token embedding (read
        at set-up only) and the temperature stay float32 as well.
        """
        for module in clip.modules():
            if isinstance(module, nn.LayerNorm | nn.BatchNorm2d | nn.Embedding):
                continue
            for name, parameter in module.named_parameters(recurse=False):
                if name != "logit_scale":
                    parameter.data = parameter.data.to(self.towers)


class CopiedScalar:
    """A scalar on its way to the host, while the device keeps working."""

    def __init__(self, value: Tensor):
        self.value = value.to("cpu", non_blocking=True)
        self.copied = None
        if value.is_cuda:
            self.copied = torch.cuda.Event()
            self.copied.record()

    def item(self) -> float | bool:
        """Its value; waits for the work queued before it, not for what was queued since."""
        if self.copied is not None:
            self.copied.synchronize()
        return self.value.item()


def precision(prec: str, device: torch.device | str, half_on_cpu: bool = False) -> Precision:
    """The policy for a value of `PREC`.

    Half-precision kernels are slow on a CPU, so there fp16 becomes fp32, with a line that says so,
    unless `half_on_cpu`.

    Raises:
        ValueError: `prec` is not one of `CHOICES`.
    """
    device = torch.device(device)
    if prec not in CHOICES:
        raise ValueError(f"PREC is {prec!r}; choose one of {', '.join(CHOICES)}")
    if prec == "fp16" and device.type == "cpu" and not half_on_cpu:
        print("PREC fp16 is computed as fp32 on a CPU")
        prec = "fp32"
    if prec == "amp":
        return Precision(device, autocast_to=torch.float16)
    return Precision(
        device, {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[prec]
    )
