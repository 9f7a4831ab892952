"""open_clip's models: by name through the package, and the config that it saves beside weights."""

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from promptsrc.weights.names import OPEN_CLIP
from promptsrc.weights.stated import (
    HEAD_WIDTH,
    Stated,
    check_head_widths,
    checked_images,
    square,
    unsupported,
)

CONFIG = "open_clip_config.json"

# Values with which open_clip computes what CLIP does. So it does with None and False anywhere else.
AS_CLIP: dict[str, dict[str, Any]] = {
    "model_cfg": {},
    "text_cfg": {
        "mlp_ratio": 4,
        "pool_type": "argmax",
        "proj_type": "linear",
        "block_type": "default",
    },
    "vision_cfg": {
        "mlp_ratio": 4,
        "pool_type": "tok",
        "pos_embed_type": "learnable",
        "block_type": "default",
    },
    "preprocess_cfg": {"mode": "RGB", "resize_mode": "shortest"},
}
# Entries that are read below, or that change nothing in a trained CLIP.
KNOWN = {
    "model_cfg": "embed_dim vision_cfg text_cfg quick_gelu custom_text init_logit_scale cast_dtype "
    "output_dict",
    "text_cfg": "context_length vocab_size width layers heads pad_id eos_id output_tokens "
    "hf_proj_type hf_pooler_type hf_model_pretrained",
    "vision_cfg": "layers width head_width patch_size image_size patch_dropout attn_pooler_queries "
    "attn_pooler_heads output_tokens timm_pool timm_proj timm_drop timm_model_pretrained",
    "preprocess_cfg": "size mean std interpolation fill_color",
}
SIZES = {  # argument of `clip`'s constructor: entry
    "embed_dim": "model_cfg.embed_dim",
    "context_length": "text_cfg.context_length",
    "vocab_size": "text_cfg.vocab_size",
    "transformer_width": "text_cfg.width",
    "transformer_layers": "text_cfg.layers",
    "vision_width": "vision_cfg.width",
    "vision_layers": "vision_cfg.layers",
    "vision_patch_size": "vision_cfg.patch_size",
    "image_resolution": "vision_cfg.image_size",
}


def stated(config: Mapping[str, Any], source: str) -> Stated:
    """What a config with `model_cfg` and perhaps `preprocess_cfg` says.

    Raises:
        ValueError: an entry asks for something that is not supported.
        LookupError, TypeError, AttributeError: it is damaged.
    """
    model, images = config["model_cfg"], dict(config.get("preprocess_cfg") or {})
    text, vision = model["text_cfg"], dict(model["vision_cfg"])
    sections = {
        "model_cfg": model,
        "text_cfg": text,
        "vision_cfg": vision,
        "preprocess_cfg": images,
    }
    _refuse_others(sections, source)
    check_head_widths((text["width"] / text["heads"], vision.get("head_width", HEAD_WIDTH)), source)
    vision["image_size"] = square(vision.get("image_size"), "vision_cfg.image_size", source)
    size = square(images.get("size"), "preprocess_cfg.size", source)
    if size and vision["image_size"] not in (None, size):
        raise unsupported(source, "preprocess_cfg.size", size)
    sizes = {}
    for argument, entry in SIZES.items():
        section, key = entry.split(".")
        sizes[argument] = (entry, sections[section].get(key))
    used = {key: images[key] for key in ("mean", "std", "interpolation") if images.get(key)}
    return Stated(bool(model.get("quick_gelu")), checked_images(used, source), sizes, source)


def _refuse_others(sections: Mapping[str, Mapping[str, Any]], source: str) -> None:
    """Refuse entries that make it another function than CLIP's."""
    for name, section in sections.items():
        for entry, value in section.items():
            same = not value or value == AS_CLIP[name].get(entry)
            if not same and entry not in KNOWN[name].split():
                raise unsupported(source, f"{name}.{entry}", value)


def load(name: str) -> tuple[dict[str, Tensor], Stated]:
    """Weights by open_clip, `<model>/<pretrained>`; the latter may be a file.

    Raises:
        ValueError: open_clip is not installed or lacks these weights, or it is not a plain CLIP.
        ConnectionError: the download failed.
    """
    try:
        import open_clip
    except ImportError:
        raise ValueError(
            f"backbone {OPEN_CLIP}{name} needs open_clip: pip install open_clip_torch"
        ) from None
    model, _, pretrained = name.partition("/")
    known = open_clip.list_pretrained_tags_by_model(model)
    if model not in open_clip.list_models() or not (
        pretrained in known or os.path.isfile(pretrained)
    ):
        choices = ", ".join(known) or f"models: {', '.join(open_clip.list_models())}"
        raise ValueError(
            f"open_clip has no {model!r} with weights {pretrained!r}; it has {choices}"
        )
    try:
        clip = open_clip.create_model(model, pretrained=pretrained)
    except (OSError, RuntimeError) as error:
        raise ConnectionError(
            f"{OPEN_CLIP}{name} can't be loaded ({' '.join(str(error).split())[:200]})"
        ) from None
    if not isinstance(clip, open_clip.CLIP):
        raise ValueError(
            f"{OPEN_CLIP}{name} is a {type(clip).__name__}; the methods here need a plain CLIP"
        )
    config = {
        "model_cfg": open_clip.get_model_config(model),
        "preprocess_cfg": open_clip.get_model_preprocess_cfg(clip),
    }
    activation = clip.transformer.resblocks[0].mlp.gelu  # the tag of the weights may change it
    quick_gelu = not isinstance(activation, torch.nn.GELU)
    return clip.state_dict(), stated(config, OPEN_CLIP + name)._replace(quick_gelu=quick_gelu)
