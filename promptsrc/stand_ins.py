"""What checkpoints hold besides tensors and plain values, and what is read in its place.

Other implementations pickle schedules, settings and NumPy's numbers as objects. Their prompts do
not depend on them, so nothing is made of them: a stand-in, which PyTorch finds by the name of the
class, takes the entries. `dassl.utils.stand_ins` accepts the same names, and reads them.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import torch


class Inert:
    """Stands for an object of another class."""

    def __new__(cls, *_: Any, **__: Any) -> "Inert":
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any): ...

    def __setstate__(self, state: Any) -> None: ...


@cache
def stand_ins() -> list[Callable | tuple[Callable, str]]:
    """For `torch.serialization.safe_globals`."""
    found: list[Callable | tuple[Callable, str]] = [complex, _named(lambda: b"", "builtins.bytes")]
    found += [_named(type("Inert", (Inert,), {}), name) for name in _inert_names()]
    for name in ("builtins.dict", "collections.defaultdict"):  # PyTorch fills plain dicts only
        found.append(_named(lambda *_: {}, name))
    found.append(_named(type("Settings", (), {"__new__": _settings}), "yacs.config.CfgNode"))
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
    yield from ("numpy.ndarray", "numpy.dtype")
    for core in ("numpy.core", "numpy._core"):  # before NumPy 2, and since
        yield from (f"{core}.multiarray._reconstruct", f"{core}.multiarray.scalar")


def _settings(*_: Any) -> OrderedDict:
    return OrderedDict()


def _filled(kind: type, entries: Any = ()) -> Any:
    """A set or list; of a tensor that claims a size it would take all memory."""
    if not isinstance(entries, list | tuple):
        raise ValueError(f"a {kind.__name__} of a {type(entries).__name__}")
    return kind(entries)
