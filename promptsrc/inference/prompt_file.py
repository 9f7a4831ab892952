"""Prompts as a file that stands alone: the tensors and what is needed to use them, in safetensors.

The metadata has one entry, `prompts`, JSON: {"method", "backbone", "learner", "settings"}, and where it is known "classnames", those
trained on (prompts are for any), and "input", what is done to an image (see `promptsrc.inference.images.Preprocessing`).
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
from promptsrc.clip.frozen import FrozenCLIP, load_clip
from promptsrc.clip.precision import precision
from promptsrc.files import replacing
from promptsrc.model import PromptedCLIP
from promptsrc.prompts import (
    ConditionalPrompts,
    ContextPrompts,
    CoupledPrompts,
    DeepPrompts,
    PromptLearner,
    find_learner,
)

Description = dict[str, Any]
NEEDED = {"method": str, "backbone": str, "learner": str, "settings": dict}  # of a description
OPTIONAL = {"classnames": list, "input": dict}


class SharedPrompts(NamedTuple):
    """Learned tensors under their checkpoint keys, and the method, backbone, learner and settings that they are for."""

    description: Description
    tensors: dict[str, Tensor]


def final_checkpoint(run: Path) -> Path:
    """The file of a run's final prompts: the best epoch's where the run kept it (TEST.FINAL_MODEL best_val), else the newest.

    Raises:
        FileNotFoundError: the folder has none, or several models' (it is no folder of one run).
    """
    found = [_final(folder) for folder in sorted(run.iterdir()) if folder.is_dir()]
    files = [file for file in found if file is not None and file.is_file()]
    if len(files) != 1:
        what = f"checkpoints of {len(files)} models" if files else "no checkpoint"
        raise FileNotFoundError(
            f"{run} has {what}; give the folder of one run, such as output/.../seed1, with VLPromptLearner/checkpoint or its kin "
            "(zero-shot CLIP leaves none)"
        )
    return files[0]


def _final(folder: Path) -> Path | None:
    """What a model's folder calls its final checkpoint."""
    best, pointer = folder / "model-best.pth.tar", folder / "checkpoint"
    if best.is_file() or not pointer.is_file():
        return best
    return folder / pointer.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()


def read_prompts(path: str | os.PathLike) -> SharedPrompts:
    """From a safetensors file that `write_prompts` made, a checkpoint of one of our trainers, or a run's folder.

    Raises:
        FileNotFoundError: no such file, or no checkpoint in the folder.
        ValueError: it is damaged, or does not say what the prompts are for.
    """
    path = Path(path)
    if path.is_dir():
        path = final_checkpoint(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    checkpoint = read_checkpoint(path)
    state = checkpoint.get("trainer_state", {})
    description = state.get("prompts")
    if description is None:
        raise ValueError(
            f"{path} does not say its method and backbone, as files of other implementations do not; say them: "
            "python -m promptsrc.export --backbone ViT-B/16 --ctx-init 'a photo of a' ..."
        )
    aggregation = state.get("regulation", {})
    if (epochs := len(aggregation.get("weights", ()))) > checkpoint["epoch"]:
        print(
            f"Note: {path} is of epoch {checkpoint['epoch']} of {epochs}; its prompts are not averaged yet"
        )
    return SharedPrompts(_checked(description, path), checkpoint["state_dict"])


def _read_safetensors(path: Path) -> SharedPrompts:
    try:
        with safe_open(path, "pt") as file:
            description = _checked(json.loads((file.metadata() or {})["prompts"]), path)
            return SharedPrompts(description, {key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} is no file of shared prompts ({error}); make it with promptsrc.export"
        ) from None


def _checked(description: Any, path: Path) -> Description:
    """
    Raises:
        ValueError: an entry is missing, or of another kind.
    """
    entries = description if isinstance(description, dict) else {}
    kinds = NEEDED | {key: kind for key, kind in OPTIONAL.items() if key in entries}
    wrong = [key for key, kind in kinds.items() if not isinstance(entries.get(key), kind)]
    names = entries.get("classnames")
    if (
        not wrong
        and names is not None
        and not (names and all(isinstance(name, str) for name in names))
    ):
        wrong = ["classnames"]
    if wrong:
        raise ValueError(
            f"{path} does not say what its prompts are for: {', '.join(wrong)} missing or damaged"
        )
    return entries


def write_prompts(shared: SharedPrompts, path: str | os.PathLike) -> None:
    """Write a safetensors file, whole or not at all.

    Raises:
        FileNotFoundError: there is no folder to write to.
    """
    tensors = {key: value.float().contiguous() for key, value in shared.tensors.items()}
    with replacing(path) as part:
        save_file(tensors, part, {"prompts": json.dumps(shared.description)})


def classifier(
    shared: SharedPrompts,
    classnames: Sequence[str],
    device: torch.device | str = "cpu",
    prec: str = "fp32",
) -> PromptedCLIP:
    """The prompted CLIP for any class names; `classify` gives logits (B, C) of normalised images (B, 3, R, R).

    Raises: as `frozen_clip` and `learner`.
    """
    frozen = frozen_clip(shared, device, prec)
    return learner(shared, frozen, classnames).student(frozen)


def frozen_clip(
    shared: SharedPrompts, device: torch.device | str = "cpu", prec: str = "fp32"
) -> FrozenCLIP:
    """The CLIP that the prompts are for.

    Raises:
        ValueError: an unknown backbone or precision.
        ConnectionError: the backbone's weights could not be downloaded.
    """
    policy = precision(prec, device)
    frozen = FrozenCLIP(load_clip(shared.description["backbone"], device), policy)
    frozen.cast()
    return frozen


def learner(shared: SharedPrompts, frozen: FrozenCLIP, classnames: Sequence[str]) -> PromptLearner:
    """The learner that holds the prompts, for these classes.

    Raises:
        ValueError: an unknown learner, tensors that do not fit it, or a class that they do not know.
    """
    about = shared.description
    kind = find_learner(about["learner"], about.get("module"))
    try:
        prompts = kind(frozen.clip, classnames, **about["settings"])
    except TypeError as error:
        raise ValueError(
            f"{kind.__name__} cannot be built with the settings {about['settings']} ({error})"
        ) from None
    load_prompts(prompts, shared.tensors, "this file of prompts", about)
    return prompts.to(frozen.precision.device).requires_grad_(False)


def described(
    state: dict[str, Tensor], backbone: str, ctx_init: str, position: str = "end"
) -> SharedPrompts:
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
    if learner is DeepPrompts and any(
        "ZS_image_encoder" in key for key in state
    ):  # the teacher's image tower
        method = "PromptSRC"
    description = {
        "method": method,
        "backbone": backbone,
        "learner": learner.__name__,
        "settings": settings,
    }
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
        settings = {
            "n": n,
            "ctx_init": ctx_init,
            "classes": (classes or [0])[0],
            "position": position,
        }
        return "CoOp", ContextPrompts, settings
    if "prompt_learner.proj.weight" in tensors:
        depth = 1 + count("compound_prompts_text.")
        return (
            "MaPLe",
            CoupledPrompts,
            {"n": len(tensors["prompt_learner.ctx"]), "depth": depth, "ctx_init": ctx_init},
        )
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
