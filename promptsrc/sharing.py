"""Prompts as a file that stands alone: the tensors and what is needed to use them, in safetensors.

The metadata has one entry, `prompts`, JSON: {"method", "backbone", "learner", "settings"}. No class names: prompts are for any.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from promptsrc.checkpoint import learned_tensors, load_prompts, read_checkpoint
from promptsrc.clip import FrozenCLIP, load_clip
from promptsrc.model import PromptedCLIP, prompted_clip
from promptsrc.precision import precision
from promptsrc.prompts import (
    LEARNERS,
    ConditionalPrompts,
    ContextPrompts,
    CoupledPrompts,
    DeepPrompts,
    PromptLearner,
)

Description = dict[str, Any]


class SharedPrompts(NamedTuple):
    """Learned tensors under their checkpoint keys, and the method, backbone, learner and settings that they are for."""

    description: Description
    tensors: dict[str, Tensor]


def read_prompts(path: str | Path) -> SharedPrompts:
    """From a safetensors file that `write_prompts` made, or from a checkpoint of one of our trainers.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged, or does not say what the prompts are for.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    checkpoint = read_checkpoint(path)
    description = checkpoint.get("trainer_state", {}).get("prompts")
    if description is None:
        raise ValueError(
            f"{path} does not say its method and backbone, as files of other implementations do not; say them: "
            "python -m promptsrc.export --backbone ViT-B/16 --ctx-init 'a photo of a' ..."
        )
    return SharedPrompts(description, checkpoint["state_dict"])


def _read_safetensors(path: Path) -> SharedPrompts:
    try:
        with safe_open(path, "pt") as file:
            description = json.loads((file.metadata() or {})["prompts"])
            return SharedPrompts(description, {key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no file of shared prompts ({error}); make it with promptsrc.export") from None


def write_prompts(shared: SharedPrompts, path: str | Path) -> None:
    """Write a safetensors file, whole or not at all.

    Raises:
        FileNotFoundError: there is no folder to write to.
    """
    tensors = {key: value.float().contiguous() for key, value in shared.tensors.items()}
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} to write {path.name} to; make it first")
    part = path.with_name(f".{path.name}.part")
    try:
        save_file(tensors, part, {"prompts": json.dumps(shared.description)})
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def classifier(
    shared: SharedPrompts, classnames: Sequence[str], device: torch.device | str = "cpu", prec: str = "fp32"
) -> PromptedCLIP:
    """The prompted CLIP for any class names; `classify` gives logits (B, C) of normalised images (B, 3, R, R).

    Raises:
        ValueError: an unknown learner or backbone, or tensors that do not fit them.
        ConnectionError: the backbone's weights could not be downloaded.
    """
    description = shared.description
    name = description["learner"]
    if name not in LEARNERS:
        raise ValueError(f"learner {name!r} is none of {', '.join(LEARNERS)}")
    frozen = FrozenCLIP(load_clip(description["backbone"], device), precision(prec, device))
    prompts = LEARNERS[name](frozen.clip, **description["settings"]).to(device)
    load_prompts(prompts, shared.tensors, "this file of prompts")
    frozen.cast()
    return prompted_clip(frozen, prompts.requires_grad_(False), classnames)


def described(state: dict[str, Tensor], backbone: str, ctx_init: str, position: str = "end") -> SharedPrompts:
    """Prompts of a state dict that does not say what it is: method and sizes are read off the tensors.

    Args:
        backbone: the CLIP they were trained for.
        ctx_init: the words they started from; words that have no vector stand in the text, so they matter.
        position: of the class name among CoOp's vectors.

    Raises:
        ValueError: no learned tensors that belong to a known method.
    """
    tensors = learned_tensors(state)
    method, learner, settings = _read_off(tensors, ctx_init, position)
    if learner is DeepPrompts and any("ZS_image_encoder" in key for key in state):  # the teacher's image tower
        method = "PromptSRC"
    description = {"method": method, "backbone": backbone, "learner": learner.__name__, "settings": settings}
    return SharedPrompts(description, tensors)


def _read_off(
    tensors: dict[str, Tensor], ctx_init: str, position: str
) -> tuple[str, type[PromptLearner], dict[str, Any]]:
    def count(part: str) -> int:
        return sum(part in key for key in tensors)

    if "meta_net.linear1.weight" in tensors:
        return "CoCoOp", ConditionalPrompts, {"n": len(tensors["ctx"]), "ctx_init": ctx_init}
    if "ctx" in tensors:
        *classes, n, _ = tensors["ctx"].shape
        settings = {"n": n, "ctx_init": ctx_init, "classes": (classes or [0])[0], "position": position}
        return "CoOp", ContextPrompts, settings
    if "prompt_learner.proj.weight" in tensors:
        depth = 1 + count("compound_prompts_text.")
        return "MaPLe", CoupledPrompts, {"n": len(tensors["prompt_learner.ctx"]), "depth": depth, "ctx_init": ctx_init}
    text, image = tensors.get("prompt_learner.ctx"), tensors.get("image_encoder.VPT")
    if text is None and image is None:
        raise ValueError(
            "no learned prompts of a known method (PromptSRC, IVLP, VPT, MaPLe, CoOp, CoCoOp) in this file"
        )
    settings = {"n_text": 0, "depth_text": 0, "n_image": 0, "depth_image": 0, "ctx_init": ctx_init}
    if text is not None:
        settings |= {"n_text": len(text), "depth_text": 1 + count("text_encoder.")}
    if image is not None:
        settings |= {"n_image": len(image), "depth_image": count("image_encoder.")}
    return "VPT" if text is None else "IVLP", DeepPrompts, settings
