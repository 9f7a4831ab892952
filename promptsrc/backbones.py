"""CLIP weights by name or path, as a float32 state dict with OpenAI's keys.

A name is one of OpenAI's (downloaded once to `~/.cache/clip`, checksum verified) or the bundled `ViT-T/8`; a path is
an OpenAI archive (TorchScript), a plain state dict or a safetensors file. No file is ever unpickled freely.
"""

import hashlib
import os
import pickle
import tempfile
import urllib.request
import warnings
from pathlib import Path

import torch
from clip.clip import _MODELS as OPENAI_URLS
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

BUNDLED = {"ViT-T/8": Path(__file__).parent / "weights" / "ViT-T-8.safetensors"}
CACHE = "~/.cache/clip"


def backbone_names() -> list[str]:
    """Names that `read_weights` knows, besides paths."""
    return [*BUNDLED, *OPENAI_URLS]


def read_weights(name: str) -> dict[str, Tensor]:
    """Float32 weights of a backbone.

    Raises:
        ValueError: neither a known name nor a file, or a file that holds no CLIP weights.
        ConnectionError: the weights could not be downloaded, or came damaged.
    """
    if name in BUNDLED:
        state = _expand_vocabulary(load_file(BUNDLED[name]))
    elif name in OPENAI_URLS:
        state = _read_file(_downloaded(name))
    elif os.path.isfile(os.path.expanduser(name)):
        state = _read_file(Path(name).expanduser())
    else:
        raise ValueError(
            f"backbone {name!r} is neither a name ({', '.join(backbone_names())}) nor a file of CLIP weights"
        )
    return {key: value.float() for key, value in state.items()}


def _read_file(path: Path) -> dict[str, Tensor]:
    """A safetensors file, a TorchScript archive or a plain state dict."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if _is_torchscript(path):
            return _read_torchscript(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"{path} can't be read as CLIP weights ({reason}); download it again") from None
    return state.get("state_dict", state)


def _read_torchscript(path: Path) -> dict[str, Tensor]:
    with warnings.catch_warnings():  # newer PyTorch calls TorchScript deprecated; it is what OpenAI published
        warnings.filterwarnings("ignore", ".*torch.jit.load.* is deprecated")
        return torch.jit.load(path, map_location="cpu").state_dict()


def _is_torchscript(path: Path) -> bool:
    """TorchScript archives are zip files that hold a `constants.pkl`."""
    try:
        reader = torch.PyTorchFileReader(str(path))
    except RuntimeError:
        return False
    return "constants.pkl" in reader.get_all_records()


def _downloaded(name: str) -> Path:
    """The local copy of OpenAI's weights, fetched and verified when it is not there yet."""
    url = OPENAI_URLS[name]
    sha256, filename = url.split("/")[-2:]
    path = Path(CACHE).expanduser() / filename
    if path.is_file() and _sha256(path) == sha256:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder) / filename
        try:
            urllib.request.urlretrieve(url, part)
        except OSError as error:
            raise ConnectionError(
                f"weights of {name} can't be downloaded ({error}); fetch {url} elsewhere and place it at {path}"
            ) from None
        if _sha256(part) != sha256:
            raise ConnectionError(f"weights of {name} came damaged from {url} (wrong checksum); try again")
        os.replace(part, path)
    return path


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _expand_vocabulary(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The bundled weights keep the token rows seen in pre-training; any other token gets their mean."""
    ids, rows = state.pop("token_embedding.ids"), state.pop("token_embedding.rows").float()
    table = rows.mean(0).repeat(VOCABULARY, 1)
    table[ids.long()] = rows
    return state | {"token_embedding.weight": table}


VOCABULARY = 49408  # CLIP's byte-pair encoding
