"""Hugging Face's CLIPs, as `save_pretrained` writes them: their keys and their configs."""

import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from promptsrc.weights.stated import Stated, check_head_widths, checked_images, square, unsupported

CONFIG = "config.json"
IMAGES = "preprocessor_config.json"
TEXT_KEY = "text_model."  # how their keys begin

TOWERS = {"text_model.": "transformer.", "vision_model.": "visual.transformer."}
BLOCK = {  # their name in a block: OpenAI's
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
OUTSIDE = {  # of the blocks
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",  # their spelling
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
    "logit_scale": "logit_scale",
}
PROJECTIONS = {
    "text_projection.weight": "text_projection",
    "visual_projection.weight": "visual.proj",
}
INDICES = ".position_ids"  # end of the keys of 0, 1, 2, ..., which older versions saved

# In their configs: width and heads where they are left out, and the entries of
# `clip`'s constructor.
DEFAULTS = {"text": (512, 8), "vision": (768, 12)}
SIZES = {
    "text": {
        "transformer_width": "hidden_size",
        "transformer_layers": "num_hidden_layers",
        "context_length": "max_position_embeddings",
        "vocab_size": "vocab_size",
    },
    "vision": {
        "vision_width": "hidden_size",
        "vision_layers": "num_hidden_layers",
        "vision_patch_size": "patch_size",
        "image_resolution": "image_size",
    },
}
ACTIVATIONS = {"quick_gelu": True, "gelu": False}
EOT = (2, 49407)  # its id; old configs say 2, and mean the largest
RESAMPLE = {0: "nearest", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers


def with_openai_keys(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under OpenAI's keys. Those that CLIP lacks keep theirs, and are refused later."""
    found = {}
    for key, value in state.items():
        if key in OUTSIDE:
            found[OUTSIDE[key]] = value
        elif key in PROJECTIONS:
            found[PROJECTIONS[key]] = value.t().contiguous()
        elif match := re.fullmatch(
            r"(text_model\.|vision_model\.)encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", key
        ):
            tower, number, name, kind = match.groups()
            block = f"{TOWERS[tower]}resblocks.{number}."
            parts = [key.replace(name, f"self_attn.{part}_proj") for part in "qkv"]
            if name in BLOCK:
                found[f"{block}{BLOCK[name]}.{kind}"] = value
            elif key in parts and all(part in state for part in parts):  # OpenAI stacks the three
                found[f"{block}attn.in_proj_{kind}"] = torch.cat([state[part] for part in parts])
            else:
                found[key] = value
        elif not key.endswith(INDICES):
            found[key] = value
    return found


def stated(config: Mapping[str, Any], images: Mapping[str, Any] | None, source: str) -> Stated:
    """What `config.json`, and `preprocessor_config.json` if there is one, say.

    Raises:
        ValueError: an entry asks for something that is not supported.
        LookupError, TypeError, AttributeError: it is damaged.
    """
    if config.get("model_type") != "clip":
        raise unsupported(source, "model_type", config.get("model_type"))
    sizes = {"embed_dim": ("projection_dim", config.get("projection_dim"))}
    activations = []
    for tower, (width, heads) in DEFAULTS.items():
        section, entries = f"{tower}_config", config.get(f"{tower}_config") or {}
        activations.append(entries.get("hidden_act", "quick_gelu"))
        if activations[-1] not in ACTIVATIONS or activations[-1] != activations[0]:
            raise unsupported(source, f"{section}.hidden_act", activations[-1])
        if not math.isclose(epsilon := entries.get("layer_norm_eps", 1e-5), 1e-5):
            raise unsupported(source, f"{section}.layer_norm_eps", epsilon)
        if (end := entries.get("eos_token_id", EOT[0])) not in EOT and tower == "text":
            raise unsupported(source, f"{section}.eos_token_id", end)
        width = entries.get("hidden_size", width)
        check_head_widths([width / entries.get("num_attention_heads", heads)], source)
        for argument, entry in SIZES[tower].items():
            sizes[argument] = (f"{section}.{entry}", entries.get(entry))
    resolution = square(sizes["image_resolution"][1], "vision_config.image_size", source)
    sizes["image_resolution"] = ("vision_config.image_size", resolution)
    prepared = _images(images, resolution, source.replace(CONFIG, IMAGES)) if images else {}
    return Stated(ACTIVATIONS[activations[0]], prepared, sizes, source)


def _images(config: Mapping[str, Any], resolution: int | None, source: str) -> dict[str, Any]:
    """Mean, std and interpolation, if the images are prepared like CLIP's."""
    for step in ("do_resize", "do_center_crop", "do_rescale", "do_normalize"):
        if not config.get(step, True):
            raise unsupported(source, step, config[step])
    if not math.isclose(scale := config.get("rescale_factor", 1 / 255), 1 / 255):
        raise unsupported(source, "rescale_factor", scale)
    for entry, sides in (("size", ["shortest_edge"]), ("crop_size", ["height", "width"])):
        value = config.get(entry, resolution)
        if isinstance(value, dict):
            value = [value.get(side) for side in sides]
        if resolution and square(value, entry, source) != resolution:
            raise unsupported(source, entry, config[entry])
    used = {ours: config[f"image_{ours}"] for ours in ("mean", "std") if f"image_{ours}" in config}
    if "resample" in config:
        used["interpolation"] = RESAMPLE.get(config["resample"], config["resample"])
    return checked_images(used, source)
