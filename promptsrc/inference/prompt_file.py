"""Prompts as one safetensors file: the tensors, and a description of what they are for.

The file's metadata entry `prompts` is JSON: {"method", "backbone", "learner", "settings"} and, if
known, "classnames", those trained on, and "input", the arguments of
`promptsrc.inference.images.Preprocessing`. Checkpoints of our trainers hold the same description.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from promptsrc.checkpoint import description_of, learned_tensors, read_checkpoint
from promptsrc.files import replacing
from promptsrc.inference.prompt_path import given
from promptsrc.prompts.dept import PARTS, ROWS
from promptsrc.schema import check_description

Description = dict[str, Any]


class PromptFile(NamedTuple):
    """Learned tensors by checkpoint key, and the description of what they are for."""

    description: Description
    tensors: dict[str, Tensor]

    def describing(self, **changes: Any) -> "PromptFile":
        """The same tensors with other entries in their description."""
        return self._replace(description=self.description | changes)

    @property
    def parameters(self) -> int:
        """How many parameters were trained."""
        untrained = self.description.get("buffers", ())
        return sum(value.numel() for key, value in self.tensors.items() if key not in untrained)


def read_prompts(path: str | os.PathLike) -> PromptFile:
    """Prompts from a safetensors file, a checkpoint of our trainers, or a run's folder.

    Raises:
        FileNotFoundError: no such file, or no checkpoint in the folder.
        ValueError: it is damaged, or does not say what the prompts are for.
    """
    path = given(path)
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    checkpoint = read_checkpoint(path)
    description = description_of(checkpoint)
    if description is None:
        raise ValueError(
            f"{path} does not say its method and backbone (other implementations' do not); say "
            "them: python -m promptsrc.export --backbone ViT-B/16 --ctx-init 'a photo of a' ..."
        )
    average = checkpoint["trainer_state"].get("regulation", {})
    epochs = len(average.get("weights", ()))
    if epochs > checkpoint["epoch"]:
        print(
            f"Note: {path} is of epoch {checkpoint['epoch']} of {epochs}; its prompts are not "
            "averaged yet"
        )
    return PromptFile(description, checkpoint["state_dict"])


def read_learned(path: str | os.PathLike) -> tuple[Description | None, dict[str, Tensor]]:
    """Learned tensors, and what they are for; None in files of other implementations.

    Takes what `read_prompts` takes, and checkpoints and folders of other implementations.

    Raises:
        FileNotFoundError: no such file, or no checkpoint in the folder.
        ValueError: it is damaged.
    """
    path = given(path)
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    checkpoint = read_checkpoint(path)
    description = description_of(checkpoint)
    return description, checkpoint["state_dict"]


def _read_safetensors(path: Path) -> PromptFile:
    try:
        with safe_open(path, "pt") as file:
            description = json.loads((file.metadata() or {})["prompts"])
            check_description(description)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} does not hold prompts ({error}); make such a file with promptsrc.export"
        ) from None
    return PromptFile(description, tensors)


def write_prompts(prompts: PromptFile, path: str | os.PathLike) -> None:
    """Write a safetensors file, whole or not at all.

    Raises:
        FileNotFoundError: there is no folder to write to.
    """
    tensors = {key: value.float().contiguous() for key, value in prompts.tensors.items()}
    with replacing(path) as part:
        save_file(tensors, part, {"prompts": json.dumps(prompts.description)})


def read_foreign_checkpoint(
    path: str | os.PathLike, backbone: str, ctx_init: str, position: str = "end"
) -> PromptFile:
    """Prompts from a checkpoint, or a run's folder, of another implementation.

    Such a checkpoint says neither backbone nor words; method and sizes are read off its tensors.

    Args:
        backbone: the CLIP that the prompts were trained for.
        ctx_init: the words that the context started from. Those without a vector stay in the texts.
        position: of the class name among CoOp's vectors.

    Raises:
        FileNotFoundError: no such file, or no checkpoint in the folder.
        ValueError: it is damaged, holds no prompts of a known method, or says what it is for.
    """
    checkpoint = read_checkpoint(given(path))
    if description_of(checkpoint) is not None:
        raise ValueError(f"{path} says what it is for; leave --backbone and --ctx-init out")
    state = checkpoint["state_dict"]
    tensors = learned_tensors(state)
    method, learner, settings = _read_off(tensors, ctx_init, position)
    if method == "IVLP" and any("ZS_image_encoder" in key for key in state):  # the teacher's tower
        method = "PromptSRC"
    description = {"method": method, "backbone": backbone, "learner": learner, "settings": settings}
    return PromptFile(description, tensors)


def _read_off(
    tensors: dict[str, Tensor], ctx_init: str, position: str
) -> tuple[str, str, dict[str, Any]]:
    """Method, learner and its settings."""
    rest = {key: value for key, value in tensors.items() if not key.startswith(PARTS)}
    if len(rest) < len(tensors):  # DePT; lambda is not in the file, so it is the published one
        if not any("VPT" in key or ".proj." in key for key in rest):
            rest = {key.removeprefix("prompt_learner."): value for key, value in rest.items()}
        method, learner, settings = _read_off(rest, ctx_init, position)
        kind = "linear" if ROWS in tensors else "similarity"
        probe = {"kind": kind, "film": "film_lp_img.scale" in tensors}
        settings |= {"base": learner, "probe": probe}
        return f"ExtrasLinearProbe{method}", "DecoupledPrompts", settings

    def count(part: str) -> int:
        return sum(part in key for key in tensors)

    if "meta_net.linear1.weight" in tensors:
        if len(tensors["meta_net.linear2.weight"]) > tensors["ctx"].shape[-1]:
            raise ValueError(
                "these are TCP's prompts, whose texts depend on the dataset, which the file does "
                "not say; test them with train.py --trainer TCP --eval-only"
            )
        return "CoCoOp", "ConditionalPrompts", {"n": len(tensors["ctx"]), "ctx_init": ctx_init}
    if "ctx" in tensors:
        *classes, n, _ = tensors["ctx"].shape
        settings = {"n": n, "ctx_init": ctx_init, "classes": sum(classes), "position": position}
        if ctx_init and n > len(ctx_init.split()):  # vectors that no word starts
            return "ProGrad", "PaddedPrompts", settings
        return "CoOp", "ContextPrompts", settings
    text, image = tensors.get("prompt_learner.ctx"), tensors.get("image_encoder.VPT")
    if text is not None and "prompt_learner.proj.weight" in tensors:
        depth = 1 + count("compound_prompts_text.")
        return "MaPLe", "CoupledPrompts", {"n": len(text), "depth": depth, "ctx_init": ctx_init}
    if text is None and image is None:
        raise ValueError(
            "no prompts of a known method (PromptSRC, IVLP, VPT, MaPLe, CoOp, ProGrad, CoCoOp) in "
            "this file"
        )
    settings = {"n_text": 0, "depth_text": 0, "n_image": 0, "depth_image": 0, "ctx_init": ctx_init}
    if text is not None:
        settings |= {"n_text": len(text), "depth_text": 1 + count("text_encoder.")}
    if image is not None:
        settings |= {"n_image": len(image), "depth_image": count("image_encoder.")}
    return "VPT" if text is None else "IVLP", "DeepPrompts", settings
