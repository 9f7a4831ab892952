"""Whether a state that was saved is made like the one that it is to replace.

A whole file can hold entries of another kind. PyTorch takes them, and fails in a later step.
"""

from typing import Any

import torch
from torch import Tensor

# what the optimizers here keep for each parameter, in its shape
BUFFERS = ("momentum_buffer", "exp_avg", "exp_avg_sq", "max_exp_avg_sq", "square_avg", "grad_avg")


def check_kinds(saved: Any, own: Any, name: str) -> None:
    """Compare two states, as far as both have the same entries; None may become any one value.

    Args:
        name: of the state, for the message.

    Raises:
        ValueError: an entry is of another kind, or a tensor of another shape.
    """
    if isinstance(own, dict) and isinstance(saved, dict):
        for key in own.keys() & saved.keys():
            check_kinds(saved[key], own[key], f"{name}.{key}")
    elif isinstance(own, list | tuple) and isinstance(saved, list | tuple):
        if own and not saved:
            raise ValueError(f"{name} is empty")
        for i, (theirs, ours) in enumerate(zip(saved, own, strict=False)):
            check_kinds(theirs, ours, f"{name}[{i}]")
    elif isinstance(own, Tensor):
        _check_tensor(saved, own, name)
    elif not _same(saved, own):
        raise ValueError(f"{name} is of type {type(saved).__name__}, not {type(own).__name__}")


def check_optimizer(saved: Any, optimizer: torch.optim.Optimizer) -> None:
    """Compare a saved state with an optimizer, buffers with the parameters they are for.

    Raises:
        ValueError: an entry is of another kind, or a buffer of another shape.
    """
    check_kinds(saved, optimizer.state_dict() | {"state": {}}, "optimizer")
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for number, parameter in enumerate(parameters):
        state = saved["state"].get(number, {})
        if not isinstance(state, dict):
            raise ValueError(
                f"optimizer.state.{number} is of type {type(state).__name__}, not dict"
            )
        for key in BUFFERS:
            if state.get(key) is not None:
                _check_tensor(state[key], parameter, f"optimizer.state.{number}.{key}")


def _same(saved: Any, own: Any) -> bool:
    if own is None:
        return not isinstance(saved, Tensor | dict | list)
    if isinstance(own, bool):
        return isinstance(saved, bool)
    if isinstance(own, int | float):
        return isinstance(saved, int | float) and not isinstance(saved, bool)
    return isinstance(saved, str) if isinstance(own, str) else not isinstance(own, dict | list)


def _check_tensor(saved: Any, own: Tensor, name: str) -> None:
    if not isinstance(saved, Tensor):
        raise ValueError(f"{name} is of type {type(saved).__name__}, not a tensor")
    plain = saved.layout == own.layout and saved.device.type != "meta"
    if not plain or saved.dtype != own.dtype or saved.shape != own.shape:
        raise ValueError(
            f"{name} is a {saved.dtype} tensor {tuple(saved.shape)} ({saved.layout}, "
            f"{saved.device}), not {own.dtype} {tuple(own.shape)}"
        )
