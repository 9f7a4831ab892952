"""The teacher's class features on disk: computing them, from 60 templates, delays a run's start.

The file name hashes everything the features depend on: the text tower's weights and activation,
the texts, device type and PyTorch's version, since others round differently and runs repeat bit
for bit.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from promptsrc.clip.openai import CLIP
from promptsrc.command import one_line
from promptsrc.files import replacing
from promptsrc.regulation import diverse_features


def cached_diverse_features(
    clip: CLIP, classnames: Sequence[str], templates: Sequence[str], folder: Path
) -> Tensor:
    """`diverse_features` (C, D), from `folder` if an earlier run saved them there.

    If the file is damaged, or the folder not writable, they are computed.
    """
    device = clip.token_embedding.weight.device
    path = folder / f"teacher-{_fingerprint(clip, classnames, templates)}.safetensors"
    features = _read(path)
    if features is None:
        features = diverse_features(clip, classnames, templates)
        _write(features, path)
    return features.to(device)


def _fingerprint(clip: CLIP, classnames: Sequence[str], templates: Sequence[str]) -> str:
    digest = hashlib.sha256()
    device = clip.token_embedding.weight.device
    activation = type(clip.transformer.resblocks[0].mlp.gelu).__name__  # not among the weights
    for part in (device.type, torch.__version__, activation, *templates, "", *classnames):
        digest.update(f"{part}\0".encode())
    for name, value in clip.state_dict().items():
        if not name.startswith("visual."):
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            digest.update(value.cpu().contiguous().numpy().data)
    return digest.hexdigest()[:32]


def _read(path: Path) -> Tensor | None:
    """The features; None if the file is missing or damaged."""
    try:
        with safe_open(path, "pt") as file:
            features = file.get_tensor("features")
            whole = file.metadata()["sha256"] == _checksum(features)
    except (SafetensorError, OSError, KeyError, TypeError):
        return None
    return features if whole else None


def _write(features: Tensor, path: Path) -> None:
    features = features.cpu().contiguous()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            save_file({"features": features}, part, {"sha256": _checksum(features)})
    except (OSError, SafetensorError) as error:
        print(f"Class features are not cached in {path.parent} ({one_line(error)})")


def _checksum(features: Tensor) -> str:
    return hashlib.sha256(features.numpy().data).hexdigest()
