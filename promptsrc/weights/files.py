"""Files and folders of CLIP weights -> tensors by name.

    weights.safetensors                   tensors
    weights.pt                            OpenAI's archive (TorchScript), a state dict, or a
                                          training checkpoint that holds one
    folder/model.safetensors              what `save_pretrained` and open_clip write, in one file
    folder/model.safetensors.index.json   or in several

Files are data: unpickling them does not run code.
"""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from promptsrc.schema import why_not_plain
from promptsrc.weights.pickles import REFUSED
from promptsrc.weights.stated import read_config
from promptsrc.weights.torchscript import is_torchscript, read_torchscript

IN_FOLDERS = (
    "model.safetensors",
    "pytorch_model.bin",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
)
INDEX = ".index.json"
SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}(\.\w+)")
WRAPPERS = ("state_dict", "model_state_dict", "model")  # in training checkpoints


def read_file(path: Path) -> tuple[dict[str, Tensor], Path]:
    """Float32 tensors by name, and the file that they are from.

    Raises:
        ValueError: nothing in the folder is weights; or a file is damaged or holds other things.
    """
    path = _in_folder(path) if path.is_dir() else path
    if shard := SHARD.fullmatch(path.name):
        path = path.with_name("".join(shard.groups()) + INDEX)
    files = _shards(path) if path.name.endswith(INDEX) else [path]
    tensors = {}
    for file in files:
        tensors.update(_tensors(file))
    return tensors, path


def _in_folder(folder: Path) -> Path:
    for name in IN_FOLDERS:
        for path in (folder / name, folder / (name + INDEX)):
            if path.is_file():
                return path
    there = sorted(path.name for path in folder.iterdir())[:5]
    raise ValueError(
        f"{folder} has no {', '.join(IN_FOLDERS)}; it has {', '.join(there) or 'nothing'}: give "
        "the file of weights itself"
    )


def _shards(index: Path) -> list[Path]:
    """The files that an index names, all beside it."""
    content = read_config(index)
    if content is None:
        raise ValueError(f"{index.parent} has no {index.name}, which says what its parts hold")
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict) or not places:
        raise ValueError(f"{index} is not an index of weights: it needs weight_map, files by name")
    names = sorted({str(name) for name in places.values()})
    paths = [index.parent / name for name in names]
    for path in paths:
        if path.parent != index.parent or not path.is_file():
            raise ValueError(f"{index} names {path.name!r}, which is not beside it; download again")
    return paths


def _tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in one file, as float32."""
    content: Mapping[str, Any]
    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        elif is_torchscript(path):
            content = read_torchscript(path)
        else:
            content = _unwrapped(torch.load(path, map_location="cpu", weights_only=True))
        found = {str(key): _float32(v) for key, v in content.items() if isinstance(v, Tensor)}
        if not found:
            raise ValueError("it holds no tensors")
    except Exception as error:  # damaged bytes raise any, in PyTorch, pickle and safetensors
        reason = str(error).strip().split("\n")[0]
        if isinstance(error, pickle.UnpicklingError):  # PyTorch's advice is to load it unsafely
            refused = REFUSED.search(str(error))
            reason = f"it holds {refused[1]}, which is not loaded" if refused else ""
        raise ValueError(
            f"{path} can't be read as CLIP weights ({reason or type(error).__name__}); give a "
            "TorchScript archive, a state dict of tensors or a safetensors file, or download again"
        ) from None
    return found


def _unwrapped(content: Any) -> Mapping[str, Any]:
    """The state dict in a training checkpoint, which may lie three wrappers deep."""
    for _ in range(3):
        inner = (content[key] for key in WRAPPERS if isinstance(content.get(key), Mapping))
        content = next(inner, content)
    return content


def _float32(tensor: Tensor) -> Tensor:
    """
    Raises:
        ValueError: its values are not all in the file, one after the other.
    """
    if reason := why_not_plain(tensor):
        raise ValueError(f"it holds {reason}; save plain ones")
    return tensor.float()
