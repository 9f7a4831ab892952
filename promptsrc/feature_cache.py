"""Class features kept on disk: the teacher's, from 60 templates, are most of the time that a run takes to start.

A file is found by what its features follow from: the text tower's weights, the texts, and where they were computed, since another
device or PyTorch rounds otherwise and runs are to be the same to the bit.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from promptsrc.clip.openai import CLIP
from promptsrc.files import replacing
from promptsrc.regulation import diverse_features


def cached_diverse_features(
    clip: CLIP, classnames: Sequence[str], templates: Sequence[str], folder: Path
) -> Tensor:
    """`diverse_features` (C, D), from the folder where an earlier run has left them there.

    A folder that cannot be written, or a file that is damaged, costs the time and nothing else.
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
    for part in (device.type, torch.__version__, *templates, "", *classnames):
        digest.update(f"{part}\0".encode())
    for name, value in clip.state_dict().items():
        if not name.startswith("visual."):
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            digest.update(value.cpu().contiguous().numpy())
    return digest.hexdigest()[:32]


def _read(path: Path) -> Tensor | None:
    """None where there is no such file, or not what was written."""
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
        print(f"Class features are not kept in {path.parent} ({' '.join(str(error).split())})")


def _checksum(features: Tensor) -> str:
    return hashlib.sha256(features.numpy()).hexdigest()
