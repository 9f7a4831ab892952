"""CLIP weights by name or path.

    ViT-T/8                             bundled
    ViT-B/16, RN50, ...                 OpenAI's, downloaded once, checksum verified
    open_clip:ViT-B-32/laion2b_s34b_b79k      by open_clip (pip install promptsrc[open_clip])
    path/to/weights                     an OpenAI archive (TorchScript), a state dict or a
                                        safetensors file, in OpenAI's, open_clip's or Hugging Face's
                                        layout

Files are data: unpickling them does not run code.
"""

import os
import pickle
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from promptsrc.clip.openai import MODEL_URLS
from promptsrc.weights.download import fetched
from promptsrc.weights.layouts import Weights, check_head_widths, from_any_layout
from promptsrc.weights.torchscript import is_torchscript, read_torchscript

BUNDLED = {"ViT-T/8": Path(__file__).parent / "ViT-T-8.safetensors"}
CACHE = "~/.cache/clip"
CACHE_VARIABLE = "CLIP_CACHE"  # an environment variable: another folder
OPEN_CLIP = "open_clip:"
VOCABULARY = 49408  # tokens of CLIP's byte-pair encoding


def backbone_names() -> list[str]:
    """The names that `read_weights` knows, besides paths and open_clip's."""
    return [*BUNDLED, *MODEL_URLS]


def read_weights(name: str, cache: str = "") -> Weights:
    """Float32 weights of a backbone.

    Args:
        name: see the head of this file.
        cache: see `cache_folder`.

    Raises:
        ValueError: neither a known name nor a file, or a file without CLIP weights.
        ConnectionError: the download failed or came damaged.
    """
    if name in BUNDLED:
        weights = Weights(_expand_vocabulary(load_file(BUNDLED[name])))
    elif name in MODEL_URLS:
        weights = _read_file(_downloaded(name, cache))
    elif name.startswith(OPEN_CLIP):
        weights = _from_open_clip(name.removeprefix(OPEN_CLIP))
    elif os.path.isfile(os.path.expanduser(name)):
        weights = _read_file(Path(name).expanduser())
    else:
        raise ValueError(
            f"backbone {name!r} is neither a name ({', '.join(backbone_names())}, "
            f"{OPEN_CLIP}<model>/<pretrained>) nor a file of CLIP weights"
        )
    return weights._replace(state={key: value.float() for key, value in weights.state.items()})


def _downloaded(name: str, cache: str) -> Path:
    """The local copy of OpenAI's weights."""
    url = MODEL_URLS[name]
    sha256, filename = url.split("/")[-2:]
    return fetched(url, sha256, cache_folder(cache) / filename)


def found_from_anywhere(name: str) -> str:
    """The backbone's name, or for a file of weights its absolute path."""
    path = os.path.expanduser(name)
    return os.path.abspath(path) if os.path.isfile(path) and name not in backbone_names() else name


def cache_folder(cache: str = "") -> Path:
    """Folder of weights and class features: `cache`, else CLIP_CACHE, else `~/.cache/clip`."""
    return Path(cache or os.environ.get(CACHE_VARIABLE) or CACHE).expanduser()


def _read_file(path: Path) -> Weights:
    """A safetensors file, a TorchScript archive or a plain state dict."""
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        elif is_torchscript(path):
            state = read_torchscript(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)
        state = {str(key): value.float() for key, value in state.items()}
    except Exception as error:  # damaged bytes raise any, in PyTorch, pickle and safetensors
        advice = isinstance(error, pickle.UnpicklingError)  # PyTorch's, to load it unsafely
        reason = "" if advice else str(error).strip().split("\n")[0]
        raise ValueError(
            f"{path} can't be read as CLIP weights ({reason or type(error).__name__}); give a "
            "TorchScript archive, a state dict of tensors or a safetensors file, or download again"
        ) from None
    return from_any_layout(state, path)


def _from_open_clip(name: str) -> Weights:
    """Weights by open_clip, `<model>/<pretrained>`.

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
    towers = [clip] + [clip.visual] * hasattr(clip.visual, "transformer")  # a ResNet has none
    attentions = [tower.transformer.resblocks[0].attn for tower in towers]
    widths = [attention.embed_dim / attention.num_heads for attention in attentions]
    check_head_widths(widths, f"{OPEN_CLIP}{name}")
    activation = clip.transformer.resblocks[0].mlp.gelu
    return Weights(clip.state_dict(), quick_gelu=not isinstance(activation, torch.nn.GELU))


def _expand_vocabulary(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The bundled file has the token rows of its pre-training; other tokens get their mean."""
    ids, rows = state.pop("token_embedding.ids"), state.pop("token_embedding.rows").float()
    table = rows.mean(0).repeat(VOCABULARY, 1)
    table[ids.long()] = rows
    return state | {"token_embedding.weight": table}
