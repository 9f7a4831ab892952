"""Prompts in and out of checkpoint files, ours and those of the reference implementations.

Their files hold the whole model and, for the schedule, pickled objects. Nothing is unpickled freely: besides tensors and plain
containers only the few classes named here are let through.
"""

import hashlib
import re
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

# What is learned, in any method's checkpoint; all else in a reference file is frozen CLIP or belongs to its class names.
LEARNED = re.compile(
    r"(^|\.)(ctx|VPT|VPT_shallow)$|(^|prompt_learner\.)(proj|meta_net|compound_prompt\w+)\."
)

REFUSED = re.compile(
    r"[Uu]nsupported (?:global: |class: )?(?:GLOBAL )?([\w.]+)"
)  # in PyTorch's words
CHECKSUM = ".sha256"  # behind a file's name: the file with its checksum, which our engine leaves


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The dict that a checkpoint file holds, on the CPU.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged, or holds objects that no checkpoint of this field needs.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    _verify(path)
    try:
        with torch.serialization.safe_globals(_reference_globals()):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damage shows in many ways, IndexError and struct.error among them
        refused = REFUSED.search(
            str(error)
        )  # PyTorch says it behind advice to load the file without a look
        reason = (
            f"it holds {refused[1]}, which is not loaded"
            if refused
            else " ".join(str(error).split())[:200]
        )
        raise ValueError(f"{path} is no readable checkpoint ({reason})") from None
    if not _is_checkpoint(checkpoint):
        raise ValueError(
            f"{path} is no checkpoint of a run: it needs state_dict, tensors by name, and epoch, a number"
        )
    return checkpoint


def _verify(path: Path) -> None:
    checksum = path.with_name(path.name + CHECKSUM)
    if checksum.is_file() and hashlib.sha256(
        path.read_bytes()
    ).hexdigest() not in checksum.read_text(errors="replace"):
        raise ValueError(
            f"{path} is damaged: its SHA-256 is not the one in {checksum.name}; restore or delete both"
        )


def _is_checkpoint(content: Any) -> bool:
    if not isinstance(content, dict) or not isinstance(content.get("epoch"), int):
        return False
    state = content.get("state_dict")
    return isinstance(state, dict) and all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()
    )


def learned_tensors(state: dict[str, Tensor], wanted: Container[str] = ()) -> dict[str, Tensor]:
    """What a state dict holds of prompts, and of the wanted keys, whatever else it has; without `module.` in front."""
    state = {key.removeprefix("module."): value for key, value in state.items()}
    return {key: value for key, value in state.items() if LEARNED.search(key) or key in wanted}


def load_prompts(prompts: nn.Module, state: dict[str, Tensor], source: str | Path) -> None:
    """Copy the learned tensors of a state dict into `prompts`, whatever else it holds.

    Raises:
        ValueError: they do not fit (other method, depth or width); one line names the differences.
    """
    mine = prompts.state_dict()
    theirs = learned_tensors(state, wanted=mine)
    differences = [f"{key} is missing" for key in mine if key not in theirs]
    differences += [f"{key} is not expected" for key in theirs if key not in mine]
    differences += [
        f"{key} is {tuple(theirs[key].shape)}, not {tuple(mine[key].shape)}"
        for key in mine
        if key in theirs and theirs[key].shape != mine[key].shape
    ]
    if differences:
        raise ValueError(
            f"{source} does not fit this method and its settings: {'; '.join(differences)}"
        )
    if spoiled := [key for key, value in theirs.items() if not value.isfinite().all()]:
        raise ValueError(
            f"{source} has infinite or NaN prompts: {', '.join(spoiled)}; train them again"
        )
    prompts.load_state_dict(theirs)


def _reference_globals() -> list[Callable]:
    """Classes in reference files: the pickled schedule, with the optimizer that it points to."""
    return [
        torch.optim.lr_scheduler.CosineAnnealingLR,
        torch.optim.SGD,
        dict,
        _plain_dict,
    ]


def _plain_dict(*_: Any) -> dict:
    return {}


# torch's loader refuses to fill a real defaultdict; PyTorch 2.5 knows an allowed class by these attributes only
_plain_dict.__module__, _plain_dict.__name__, _plain_dict.__qualname__ = (
    "collections",
    "defaultdict",
    "defaultdict",
)
