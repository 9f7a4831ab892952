"""RAdam: Adam with a rectified adaptive rate (Liu et al., arXiv 1908.03265, algorithm 2)."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from dassl.elsewhere import names_of

__getattr__ = names_of(__name__)


class RAdam(Optimizer):
    """With t steps done, m and v the moving averages of gradients and of their squares:

        ρ∞ = 2 / (1 - β2) - 1
        ρ  = ρ∞ - 2 t β2^t / (1 - β2^t)
        r  = sqrt((ρ - 4) (ρ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρ))
        θ  = θ - lr λ θ
        θ  = θ - lr r sqrt(1 - β2^t) / (1 - β1^t) m / (sqrt(v) + eps)

    While ρ is below 5, the last line is θ - lr / (1 - β1^t) m, or if `degenerated_to_sgd` is
    False, θ stays. Unlike in `torch.optim.RAdam`, the weight decay λ is decoupled.

    Raises:
        ValueError: a rate, `eps` or a beta is out of range.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        degenerated_to_sgd: bool = True,
    ):
        if lr < 0 or eps < 0 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(
                f"lr {lr} and eps {eps} must be at least 0, betas {betas} at least 0 and below 1"
            )
        self.degenerated_to_sgd = degenerated_to_sgd
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As saved: PyTorch would round the averages of half precision to half precision."""
        super().load_state_dict(state_dict)
        parameters = [p for group in self.param_groups for p in group["params"]]
        for index, saved in state_dict["state"].items():
            for key in ("exp_avg", "exp_avg_sq"):
                self.state[parameters[index]][key] = saved[key].to(
                    parameters[index].device, copy=True
                )

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        """Half precision is updated in float32."""
        half = parameter.dtype in (torch.float16, torch.bfloat16)
        value, grad = (x.float() if half else x for x in (parameter, parameter.grad))
        state = self.state[parameter]
        if not state:
            state |= {"step": 0, "exp_avg": torch.zeros_like(value)}
            state["exp_avg_sq"] = torch.zeros_like(value)
        beta1, beta2 = group["betas"]
        state["step"] = steps = int(state["step"]) + 1
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.mul_(beta1).add_(grad, alpha=1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        rectified = _rectification(steps, beta2)
        if rectified is None and not self.degenerated_to_sgd:
            return
        rate = group["lr"] / (1 - beta1**steps)
        value.add_(value, alpha=-group["weight_decay"] * group["lr"])
        if rectified is None:
            value.add_(mean, alpha=-rate)
        else:
            value.addcdiv_(mean, square.sqrt().add_(group["eps"]), value=-rate * rectified)
        if half:
            parameter.copy_(value)


def _rectification(t: int, beta2: float) -> float | None:
    """r sqrt(1 - β2^t), or None while ρ is below 5."""
    most = 2 / (1 - beta2) - 1
    rho = most - 2 * t * beta2**t / (1 - beta2**t)
    if rho < 5:
        return None
    r = (rho - 4) / (most - 4) * (rho - 2) / rho * most / (most - 2)
    return math.sqrt((1 - beta2**t) * r)
