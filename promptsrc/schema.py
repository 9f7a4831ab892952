"""What checkpoints and prompt files hold: one check when they are read, before anything is used.

checkpoint     epoch, state_dict, and of our trainers trainer_state:
                   prompts       a description, as in a prompt file
                   regulation    weights, epochs_seen, sum: the prompt average
                   scaler        the state of a gradient scaler
                   seconds       of the training so far
description    method, backbone, learner, settings; perhaps module, classnames, input
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

MOST_EPOCHS = 100_000
MOST_VALUES = 10_000  # of the settings of a method
DTYPES = (
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
)
DESCRIPTION = {"method": str, "backbone": str, "learner": str, "settings": dict}
OPTIONAL = {"module": str, "classnames": list, "input": dict, "buffers": list}


def check_checkpoint(content: Any) -> None:
    """
    Raises:
        ValueError: an entry is missing or of another kind; names it.
    """
    if not isinstance(content, dict) or not _is(content.get("epoch"), int):
        raise ValueError("it needs state_dict, tensors by name, and epoch, an int")
    if not 0 <= content["epoch"] <= MOST_EPOCHS:
        raise ValueError(f"its epoch is {content['epoch']}")
    _check_tensors(content.get("state_dict"), "state_dict")
    if "trainer_state" in content:  # else it is another implementation's
        check_trainer_state(content["trainer_state"])


def check_trainer_state(state: Any) -> None:
    """
    Raises:
        ValueError: an entry is of another kind; names it.
    """
    if not isinstance(state, dict):
        raise ValueError(f"its trainer_state is {_kind(state)}, not a dict")
    if "prompts" in state:
        check_description(state["prompts"])
    if "scaler" in state and not isinstance(state["scaler"], dict):
        raise ValueError(f"its scaler is {_kind(state['scaler'])}, not a dict")
    seconds = state.get("seconds", 0.0)
    if not _is(seconds, float) or not 0 <= seconds < float("inf"):
        raise ValueError(f"its seconds are {_kind(seconds)}, not a number from 0")
    if "regulation" in state:
        _check_average(state["regulation"])


def check_description(about: Any) -> None:
    """
    Raises:
        ValueError: an entry is missing, or of another kind; names it.
    """
    entries = about if isinstance(about, dict) else {}
    kinds = DESCRIPTION | {key: kind for key, kind in OPTIONAL.items() if key in entries}
    wrong = [key for key, kind in kinds.items() if not _is(entries.get(key), kind)]
    names = entries.get("classnames", ["any"])
    if "classnames" not in wrong and not (names and all(isinstance(n, str) for n in names)):
        wrong.append("classnames")
    for key in ("settings", "input", "buffers"):
        if key not in wrong and not _is_plain(entries.get(key, {})):
            wrong.append(key)
    if wrong:
        raise ValueError(
            f"it does not say what its prompts are for: {', '.join(wrong)} missing or damaged"
        )


def _check_average(average: Any) -> None:
    weights = average.get("weights") if isinstance(average, dict) else None
    if not isinstance(weights, list) or not all(_is(w, float) and 0 <= w <= 1 for w in weights):
        raise ValueError("its prompt average (regulation) has no weights, floats from 0 to 1")
    seen = average.get("epochs_seen")
    if not _is(seen, int) or not 0 <= seen <= len(weights) <= MOST_EPOCHS:
        raise ValueError(f"its prompt average (regulation) does not fit {len(weights)} epochs")
    _check_tensors(average.get("sum"), "prompt average")


def _check_tensors(tensors: Any, what: str) -> None:
    """Tensors by name, with their values: a few bytes can stand for a tensor of any size."""
    if not isinstance(tensors, Mapping):
        raise ValueError(f"it needs {what}, tensors by name, and has {_kind(tensors)}")
    for key, value in tensors.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise ValueError(f"it needs {what}, tensors by name, and has {_kind(value)} at {key!r}")
        if reason := why_not_plain(value):
            raise ValueError(f"its {what} has {reason} at {key!r}")


def why_not_plain(tensor: Tensor) -> str:
    """What keeps a tensor from being used as it stands in its file; empty: nothing."""
    if tensor.layout != torch.strided or tensor.device.type == "meta":
        return f"a {tensor.layout} tensor on {tensor.device}"
    if tensor.dtype not in DTYPES:
        return f"a tensor of {tensor.dtype}"
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return f"a tensor of shape {tuple(tensor.shape)} without its values"
    return ""


def _is_plain(entries: Mapping[Any, Any]) -> bool:
    """Whether these are texts, numbers and containers of them, and not too many.

    A list can hold itself, or the same list many times.
    """
    return all(
        count < MOST_VALUES and (value is None or isinstance(value, str | int | float))
        for count, value in enumerate(_leaves(entries))
    )


def _leaves(value: Any, depth: int = 0) -> Iterator[Any]:
    """The values in nested containers, and each container; beyond ten levels an object."""
    if depth > 10:
        yield object()
    elif isinstance(value, dict | list | tuple):
        yield None
        yield from value if isinstance(value, dict) else ()
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner, depth + 1)
    else:
        yield value


def _is(value: Any, kind: type) -> bool:
    """`isinstance`, where True is not a number."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _kind(value: Any) -> str:
    return "none" if value is None else f"a {type(value).__name__}"
