"""The tensors of a TorchScript archive, in which OpenAI publishes CLIP's weights.

Loading such an archive runs code of its author (`__setstate__`, for one), which may do anything.
The tensors lie beside the code, in a pickle of nested modules. It is read without the code: only
tensors and plain values are let through.
"""

import pickle
from collections import OrderedDict
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from promptsrc.weights.pickles import check_memo

OWN = "__torch__."  # the archive's own classes
STORAGES = {
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "BoolStorage": torch.bool,
}
LISTS = ("build_boollist", "build_doublelist", "build_intlist", "build_tensorlist")


class _Module:
    """Any module of the archive; `__dict__` holds its parameters, buffers, children and values."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class _Reader(pickle.Unpickler):
    """Reads the archive's pickle.

    Raises:
        pickle.UnpicklingError: the archive holds anything but modules, tensors and plain values.
    """

    def __init__(self, archive: torch.PyTorchFileReader):
        content = archive.get_record("data.pkl")
        check_memo(content)
        super().__init__(BytesIO(content))
        self.archive = archive

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith(OWN):
            return _Module
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):  # of hooks, always empty
            return OrderedDict
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        if module == "torch.jit._pickle" and name in LISTS:
            return list
        raise pickle.UnpicklingError(f"it holds {module}.{name}, which weights do not need")

    def persistent_load(self, pid: tuple) -> Tensor:
        """The values (n,) of ("storage", type, record, device, n), always on the CPU."""
        _, dtype, record, _, n = pid
        content = bytearray(self.archive.get_record(f"data/{record}"))
        return torch.frombuffer(content, dtype=dtype) if n else torch.empty(0, dtype=dtype)


def _tensor(
    values: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> Tensor:
    return values.as_strided(size, stride, offset)


def is_torchscript(path: Path) -> bool:
    """TorchScript archives are zip files that hold a `constants.pkl`."""
    try:
        reader = torch.PyTorchFileReader(str(path))
    except RuntimeError:
        return False
    return "constants.pkl" in reader.get_all_records()


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """The state dict of the archive's module.

    Raises:
        pickle.UnpicklingError, RuntimeError: the archive is damaged, or holds other objects than
            modules, tensors and plain values.
    """
    return dict(_tensors(_Reader(torch.PyTorchFileReader(str(path))).load(), ""))


def _tensors(module: _Module, prefix: str) -> Iterator[tuple[str, Tensor]]:
    for name, value in vars(module).items():
        # attn_mask is an attribute of OpenAI's blocks, not a weight
        if isinstance(value, Tensor) and name != "attn_mask":
            yield f"{prefix}{name}", value
        elif isinstance(value, _Module):
            yield from _tensors(value, f"{prefix}{name}.")
