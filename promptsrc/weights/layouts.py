"""Key layouts of CLIP weights, and the activation that belongs to them; we use OpenAI's layout."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

HEAD_WIDTH = 64  # in all CLIPs of OpenAI
HF_DEFAULTS = {"hidden_act": "quick_gelu", "num_attention_heads": 8}  # configs may omit them
DAMAGED = (ValueError, LookupError, AttributeError, TypeError, ZeroDivisionError, RecursionError)
OPENAI_ONLY = "input_resolution"  # a size that only OpenAI's own state dicts hold
TOWERS = {"text_model.": "transformer.", "vision_model.": "visual.transformer."}
BLOCK = {  # Hugging Face's name in a block: OpenAI's
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


class Weights(NamedTuple):
    """A CLIP's tensors under OpenAI's keys; its MLPs have QuickGELU (OpenAI's) or GELU."""

    state: dict[str, Tensor]
    quick_gelu: bool = True


def from_any_layout(state: dict[str, Tensor], file: Path) -> Weights:
    """Weights with OpenAI's, open_clip's or Hugging Face's keys.

    The activation is read from the config that open_clip and Hugging Face save beside `file`
    (`open_clip_config.json`, `config.json`). Without a config it is QuickGELU; a line says so,
    unless the file is OpenAI's own.

    Raises:
        ValueError: the config is damaged, or its attention heads are not 64 wide.
    """
    state = {key.removeprefix("module."): value for key, value in state.items()}
    if OPENAI_ONLY in state:
        return Weights(state)
    if any(key.startswith("text_model.") for key in state):
        state = _from_huggingface(state)
    config = _config_beside(file)
    if config is None:
        print(
            f"{file} does not say its activation: QuickGELU is used, like OpenAI's; for GELU put "
            "the model's config beside it"
        )
        return Weights(state)
    check_head_widths(config.head_widths, str(file))
    return Weights(state, config.quick_gelu)


def check_head_widths(widths: Iterable[float], source: str) -> None:
    """Refuse attention heads of another width than in OpenAI's models.

    Raises:
        ValueError: names `source` and the width.
    """
    for width in widths:
        if width != HEAD_WIDTH:
            raise ValueError(
                f"{source} has attention heads of width {width:g}; only {HEAD_WIDTH} is supported"
            )


class _Config(NamedTuple):
    quick_gelu: bool
    head_widths: tuple[float, ...]


def _config_beside(file: Path) -> _Config | None:
    """The config in the file's folder; None if there is none of a CLIP."""
    for path in (file.parent / name for name in ("open_clip_config.json", "config.json")):
        if not path.is_file():
            continue
        try:
            found = _read_config(json.loads(path.read_text(encoding="utf-8")))
        except DAMAGED as error:
            reason = f"{type(error).__name__}: {error}"
            raise ValueError(
                f"{path} is not a model's config ({reason}); restore or remove it"
            ) from None
        if found:
            return found
    return None


def _read_config(config: dict) -> _Config | None:
    """Read open_clip's or Hugging Face's config; None if it is another model's."""
    if "model_cfg" in config:
        text, image = config["model_cfg"]["text_cfg"], config["model_cfg"]["vision_cfg"]
        widths = (text["width"] / text["heads"], image.get("head_width", HEAD_WIDTH))
        return _Config(config["model_cfg"].get("quick_gelu", False), widths)
    if config.get("model_type") == "clip":
        towers = [HF_DEFAULTS | config.get(f"{tower}_config", {}) for tower in ("text", "vision")]
        widths = tuple(
            t["hidden_size"] / t["num_attention_heads"] for t in towers if "hidden_size" in t
        )
        return _Config(all(t["hidden_act"] == "quick_gelu" for t in towers), widths)
    return None


def _from_huggingface(state: dict[str, Tensor]) -> dict[str, Tensor]:
    found = {ours: state[theirs] for theirs, ours in OUTSIDE.items() if theirs in state}
    found |= {
        ours: state[theirs].t().contiguous()
        for theirs, ours in PROJECTIONS.items()
        if theirs in state
    }
    for key, value in state.items():
        if match := re.fullmatch(
            r"(text_model\.|vision_model\.)encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", key
        ):
            tower, number, name, kind = match.groups()
            block = f"{TOWERS[tower]}resblocks.{number}."
            if name in BLOCK:
                found[f"{block}{BLOCK[name]}.{kind}"] = value
            elif name == "self_attn.q_proj":  # OpenAI stacks query, key and value
                keys = [key.replace("q_proj", part) for part in ("q_proj", "k_proj", "v_proj")]
                if all(key in state for key in keys):
                    found[f"{block}attn.in_proj_{kind}"] = torch.cat([state[key] for key in keys])
    return found
