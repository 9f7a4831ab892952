"""What a checkpoint may hold besides tensors and plain values, and what is read in its place.

Files of Dassl.pytorch and of plug-ins hold schedules, settings and NumPy's numbers as objects. No
class of a file is imported or called; a stand-in, which PyTorch finds by that class's name, takes
the entries.

    optimizers, schedules      an object with their attributes
    CfgNode, defaultdict       a dict
    NumPy scalars, arrays      numbers and arrays, from bytes whose dtype and size are checked
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import torch

DTYPE = re.compile(r"[biufcSU]\d{1,9}")  # numbers and text, as NumPy abbreviates them


class Inert:
    """Holds the attributes of an object of another class."""

    def __new__(cls, *_: Any, **__: Any) -> "Inert":
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any): ...

    def __setstate__(self, state: Any) -> None:
        """
        Raises:
            ValueError: these are not attributes.
        """
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise ValueError(f"{type(self).__name__} has a state of another kind")
        vars(self).update(state)


@cache
def stand_ins() -> list[Callable]:
    """For `torch.serialization.safe_globals`."""
    found: list[Callable] = [complex]
    for name in _inert_names():
        found.append(_named(type(name, (Inert,), {}), name))
    for name in ("builtins.dict", "collections.defaultdict"):
        found.append(_named(lambda *_: {}, name))
    found.append(_named(lambda: b"", "builtins.bytes"))  # how an empty one is pickled
    for core in ("numpy.core", "numpy._core"):  # before NumPy 2, and since
        found.append(_named(lambda *_: _Array(0), f"{core}.multiarray._reconstruct"))
        found.append(_named(lambda *saved: _scalar(*saved), f"{core}.multiarray.scalar"))
    found += [_named(_Array, "numpy.ndarray"), _named(_Dtype, "numpy.dtype")]
    found += [_named(_Settings, "yacs.config.CfgNode")]
    for kind in (set, frozenset, list):
        found.append(_named(partial(_filled, kind), f"builtins.{kind.__name__}"))
    return found


def _named(stand_in: Any, path: str) -> Any:
    """PyTorch 2.5 finds what is allowed by these attributes only."""
    module, _, name = path.rpartition(".")
    stand_in.__module__, stand_in.__name__, stand_in.__qualname__ = module, name, name
    return stand_in


def _inert_names() -> Iterator[str]:
    for module in (torch.optim, torch.optim.lr_scheduler):
        for kind in vars(module).values():
            if isinstance(kind, type) and kind.__module__.startswith("torch.optim"):
                yield f"{kind.__module__}.{kind.__qualname__}"
    for name in ("ConstantWarmupScheduler", "LinearWarmupScheduler", "EpochSchedule"):
        yield f"dassl.optim.lr_scheduler.{name}"
    yield "dassl.optim.radam.RAdam"


def _filled(kind: type, entries: Any = ()) -> Any:
    """A set or list; of a tensor that claims a size it would take all memory."""
    if not isinstance(entries, list | tuple):
        raise ValueError(f"a {kind.__name__} of a {type(entries).__name__}")
    return kind(entries)


class _Settings:
    """In place of a CfgNode, whose entries PyTorch puts into plain dicts only."""

    def __new__(cls, *_: Any) -> Any:
        return OrderedDict()


class _Dtype(Inert):
    """A NumPy dtype: its code, then its byte order."""

    def __init__(self, code: Any = "", *_: Any):
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]

    def made(self) -> np.dtype:
        if not isinstance(self.code, str) or not DTYPE.fullmatch(self.code):
            raise ValueError(f"an array of dtype {self.code!r:.50}")
        return np.dtype(self.code).newbyteorder(self.order)


class _Array(np.ndarray):
    """A NumPy array, filled from checked values."""

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, content = state
        order: Any = "F" if fortran else "C"
        if dtype.code == "O8" and isinstance(content, list):
            flat = np.empty(len(content), object)
            for i, entry in enumerate(content):
                flat[i] = entry
            super().__setstate__((1, flat.reshape(shape).shape, flat.dtype, fortran, content))
            return
        made = np.ndarray(shape, dtype.made(), content, order=order)
        super().__setstate__((1, made.shape, made.dtype, bool(fortran), made.tobytes("A")))


def _scalar(dtype: _Dtype, content: bytes) -> Any:
    return np.ndarray((), dtype.made(), content).item()
