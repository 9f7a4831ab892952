"""Prompts in and out of checkpoint files, ours and those of the reference implementations.

Their files hold the whole model and, for the schedule, pickled objects. Nothing is unpickled freely: besides tensors and plain
containers only the few classes named here are let through.
"""

import hashlib
import re
from collections.abc import Callable, Container, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from promptsrc.prompts import PromptLearner

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


def learned_tensors(state: Mapping[str, Tensor], wanted: Container[str] = ()) -> dict[str, Tensor]:
    """The prompts in a state dict, and the wanted keys; without `module.` in front."""
    state = {key.removeprefix("module."): value for key, value in state.items()}
    return {key: value for key, value in state.items() if LEARNED.search(key) or key in wanted}


def description_of(checkpoint: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a checkpoint of ours says its prompts are for; None for other implementations."""
    return checkpoint.get("trainer_state", {}).get("prompts")


def load_prompts(
    prompts: "PromptLearner",
    state: Mapping[str, Tensor],
    source: str | Path,
    description: Mapping[str, Any] | None = None,
) -> None:
    """Copy learned tensors into `prompts`; those with a row per class are matched by class name.

    Args:
        state: the tensors; with the frozen CLIP beside them, in files of other implementations.
        description: what a file of ours says about them. Without it class names are not known,
            and the number of classes has to be the same.

    Raises:
        ValueError: they do not fit (other method, depth, width or classes); one line says how.
    """
    mine = prompts.state_dict()
    if description is None:
        theirs = learned_tensors(state, wanted=mine)
        theirs = {key: value for key, value in theirs.items() if not prompts.ignores(key)}
    else:
        theirs = {key.removeprefix("module."): value for key, value in state.items()}
        theirs |= _rows_by_name(prompts, theirs, description.get("classnames"), source)
    differences = [f"{key} is missing" for key in mine if key not in theirs]
    differences += [f"{key} is not expected" for key in theirs if key not in mine]
    differences += [
        f"{key} is {tuple(theirs[key].shape)}, not {tuple(mine[key].shape)}"
        + (f" (one per class, for {len(theirs[key])} classes)" if key in prompts.per_class else "")
        for key in mine
        if key in theirs and theirs[key].shape != mine[key].shape
    ]
    if differences:
        raise ValueError(
            f"{source} does not fit this method and its settings: {'; '.join(differences)}"
        )
    if spoiled := [key for key, value in theirs.items() if not value.isfinite().all()]:
        raise ValueError(f"{source} has NaN or Inf in {', '.join(spoiled)}; train again")
    prompts.load_state_dict(theirs)


def _rows_by_name(
    prompts: "PromptLearner",
    state: Mapping[str, Tensor],
    names: Sequence[str] | None,
    source: str | Path,
) -> dict[str, Tensor]:
    """The tensors with a row per class, with the rows of the learner's classes in their order.

    Raises:
        ValueError: a class of the learner has no row.
    """
    found = [key for key in prompts.per_class if key in state]
    if not found or names is None or names == prompts.classnames:
        return {}
    if missing := [name for name in prompts.classnames if name not in names]:
        raise ValueError(
            f"{source} has learned something for each class, but not for {missing[0]!r}; "
            f"it knows {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}"
        )
    rows = [names.index(name) for name in prompts.classnames]
    return {key: state[key][rows] for key in found}


def check_classes(
    prompts: "PromptLearner", checkpoint: Mapping[str, Any], source: str | Path
) -> None:
    """Refuse to resume a training on other classes; files that do not say theirs pass.

    Raises:
        ValueError: the class names or their order differ.
    """
    names = (description_of(checkpoint) or {}).get("classnames", prompts.classnames)
    if names != prompts.classnames:
        pairs = zip_longest(names, prompts.classnames)
        there, here = next(pair for pair in pairs if pair[0] != pair[1])
        raise ValueError(
            f"{source} was trained on other classes (there: {there!r}, here: {here!r}); use another "
            "--output-dir, or the classes of that run"
        )


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
