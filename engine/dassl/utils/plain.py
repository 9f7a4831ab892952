"""What a checkpoint is made of: tensors, NumPy arrays, plain values and containers of them.

Other kinds are converted where that keeps their meaning, else refused when they are saved: a file
that holds them could only be read by running code from it.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from functools import singledispatch
from os import PathLike, fspath
from types import NoneType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dassl.utils.stand_ins import Inert

SIMPLE = (NoneType, bool, int, float, str)
ARRAYS = "biufcSU"  # kinds of NumPy's dtypes: numbers and text
DEEPEST = 100  # containers within each other


def plain(value: Any, where: str = "checkpoint", depth: int = 0) -> Any:
    """The value, or what is saved for it.

        NumPy scalar, int or str of an own class    a number, a text
        CfgNode, defaultdict, other mappings        a dict
        named tuple, deque or range, path           a tuple, a list, a text
        optimizer or schedule of PyTorch            its state, a dict
        tensor of an own class                      a tensor

    Args:
        where: name of the value, for the message.

    Raises:
        ValueError: it can't be saved; names the entry and its class.
    """
    if type(value) in SIMPLE:
        return value
    if depth > DEEPEST:
        raise ValueError(f"{where[:200]} is nested too deep, or holds itself")
    return _plain(value, where, depth + 1)


@singledispatch
def _plain(value: Any, where: str, depth: int) -> Any:
    kind = type(value)
    raise ValueError(
        f"{where} is of class {kind.__module__}.{kind.__qualname__}, which a checkpoint can't "
        "hold; save its state_dict(), or tensors, NumPy arrays and plain values"
    )


@_plain.register(bytes)
@_plain.register(bytearray)
@_plain.register(complex)
@_plain.register(torch.Size)
@_plain.register(torch.dtype)
@_plain.register(torch.device)
def _(value: Any, *_: Any) -> Any:
    return value


@_plain.register
def _(value: Tensor, *_: Any) -> Tensor:
    usual = type(value) in (Tensor, torch.nn.Parameter) and not vars(value)
    return value if usual else value.detach().as_subclass(Tensor)


@_plain.register
def _(value: int, *_: Any) -> int:
    return int(value)


@_plain.register
def _(value: float, *_: Any) -> float:
    return float(value)


@_plain.register
def _(value: str, *_: Any) -> str:
    return str.__str__(value)


@_plain.register
def _(value: np.generic, where: str, depth: int) -> Any:
    if isinstance(number := value.item(), np.generic):  # longer than Python's
        return _plain.dispatch(object)(value, where, depth)
    return plain(number, where, depth)


@_plain.register
def _(value: np.ndarray, where: str, depth: int) -> Any:
    if value.dtype.kind in ARRAYS and not isinstance(value, np.ma.MaskedArray):
        return np.array(value)
    if value.dtype.kind == "O":
        return plain(value.tolist(), where, depth)
    return _plain.dispatch(object)(value, where, depth)


@_plain.register
def _(value: np.dtype, *_: Any) -> str:
    return str(value)


@_plain.register
def _(value: PathLike, *_: Any) -> str | bytes:
    return fspath(value)


@_plain.register(list)
@_plain.register(tuple)
@_plain.register(set)
@_plain.register(frozenset)
@_plain.register(deque)
@_plain.register(range)
def _(value: Any, where: str, depth: int) -> Any:
    entries = [plain(entry, f"{where}[{i}]", depth) for i, entry in enumerate(value)]
    kinds = (kind for kind in (tuple, set, frozenset) if isinstance(value, kind))
    return next(kinds, list)(entries)


@_plain.register
def _(value: Mapping, where: str, depth: int) -> dict:
    kind = type(value) if type(value) in (OrderedDict, Counter) else dict
    made = kind()
    for key, entry in value.items():
        name = f"{where}[{key!r}]"
        made[plain(key, f"a key of {where}", depth)] = plain(entry, name, depth)
    return made


@_plain.register(LRScheduler)
@_plain.register(Optimizer)
@_plain.register(Inert)
def _(value: Any, where: str, depth: int) -> dict:
    state = value.state_dict() if isinstance(value, Optimizer) else vars(value)
    return plain({key: state[key] for key in state if key != "optimizer"}, where, depth)
