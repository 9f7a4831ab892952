"""The state of all models of a run in one file, which is replaced whole.

<output>/unfinished.state     its SHA-256, a line break, and what torch.save wrote

It is the state within an epoch, or of a save that writes files of several models: a run killed
between two of them finishes the save.
"""

import hashlib
import os.path as osp
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dassl.utils import model_folder
from dassl.utils.tools import replacing
from dassl.utils.torchtools import check_training_checkpoint, in_bytes, loaded

NAME = "unfinished.state"
OLD_NAME = "model-unfinished.pth.tar"  # in each model's folder, by version 0.1

States = dict[str, dict[str, Any]]  # checkpoints by model


def write(directory: str, states: States, save: dict[str, Any] | None = None) -> None:
    """Replace the file.

    Args:
        save: keywords of `save_checkpoint`, if this is the state of a save.

    Raises:
        OSError: it cannot be written, or there is no such directory; the old file stays.
    """
    content = in_bytes({"models": states, "save": save})
    with replacing(osp.join(directory, NAME)) as part:
        Path(part).write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    _remove_old(directory, states)


def read(directory: str, models: Collection[str]) -> tuple[States, dict[str, Any] | None] | None:
    """What `write` was given, if there is a readable file; warns about a damaged one."""
    path = osp.join(directory, NAME)
    try:
        if osp.isfile(path):
            return _read(path, models)
        return _read_old(directory, models)
    except ValueError as error:
        print(f"Warning: {error}. Resuming from the end of the epoch before")
        return None


def remove(directory: str, models: Collection[str]) -> None:
    Path(directory, NAME).unlink(missing_ok=True)
    _remove_old(directory, models)


def _read(path: str, models: Collection[str]) -> tuple[States, dict[str, Any] | None]:
    digest, _, content = Path(path).read_bytes().partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise ValueError(f"{path} is damaged: its SHA-256 is not the one in its first line")
    whole = loaded(content, path)
    states, save = whole.get("models"), whole.get("save")
    if save is not None and not _is_save(save):
        raise ValueError(f"{path} does not say what was saved")
    if not isinstance(states, dict) or not states.keys() >= set(models):
        raise ValueError(f"{path} is not the state of these models: {', '.join(models)}")
    for state in states.values():
        check_training_checkpoint(state, path)
        if save is None:
            _check_step(state, path)
    return {name: states[name] for name in models}, save


def _is_save(save: Any) -> bool:
    kinds = {"is_best": bool, "model_name": str}
    if not isinstance(save, dict) or {key: type(value) for key, value in save.items()} != kinds:
        return False
    return osp.basename(save["model_name"]) == save["model_name"]


def _check_step(state: dict[str, Any], path: str) -> None:
    loop = state.get("unfinished")
    if not isinstance(loop, dict) or not isinstance(loop.get("batch"), int) or loop["batch"] < 0:
        raise ValueError(f"{path} does not say at which batch it is")


def _read_old(directory: str, models: Collection[str]) -> tuple[States, None] | None:
    """The files of version 0.1, if all models have one of the same step."""
    paths = {name: osp.join(directory, name, OLD_NAME) for name in models}
    if not all(map(osp.isfile, paths.values())):
        return None
    states = {name: loaded(model_folder.read(path), path) for name, path in paths.items()}
    for name, state in states.items():
        check_training_checkpoint(state, paths[name])
        _check_step(state, paths[name])
    steps = {(state["epoch"], state["unfinished"]["batch"]) for state in states.values()}
    return (states, None) if len(steps) == 1 else None


def _remove_old(directory: str, models: Collection[str]) -> None:
    for name in models:
        path = osp.join(directory, name, OLD_NAME)
        for file in (f"{path}{model_folder.OLD_SUM}", path):
            Path(file).unlink(missing_ok=True)
