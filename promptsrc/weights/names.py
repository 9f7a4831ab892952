"""CLIP weights by name or path.

ViT-T/8-v2                          bundled
ViT-T/8                             bundled before it, for prompts that were trained with it
ViT-B/16, RN50, ...                 OpenAI's, downloaded once, checksum verified
open_clip:ViT-B-32/laion2b_s34b_b79k      by open_clip (pip install promptsrc[open_clip])
path/to/weights                     a file or folder (see `promptsrc.weights.files`) with
                                    OpenAI's, open_clip's or Hugging Face's keys
"""

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from promptsrc.weights.download import fetched
from promptsrc.weights.openai import MODEL_URLS

if TYPE_CHECKING:
    from torch import Tensor

    from promptsrc.weights.layouts import Weights

BUNDLED = {
    name: Path(__file__).parent / f"{name.replace('/', '-')}.safetensors"
    for name in ("ViT-T/8-v2", "ViT-T/8")
}
CACHE = "~/.cache/clip"
CACHE_VARIABLE = "CLIP_CACHE"  # an environment variable: another folder
COMPACT = "token_embedding.ids"  # in files with few tokens, see `_expand_vocabulary`
VOCABULARY = 49408  # tokens of CLIP's byte-pair encoding
OPEN_CLIP = "open_clip:"  # starts a name of its models


def backbone_names() -> list[str]:
    """The names that `read_weights` knows, besides paths and open_clip's."""
    return [*BUNDLED, *MODEL_URLS]


def read_weights(name: str, cache: str = "") -> "Weights":
    """Float32 weights of a backbone.

    Args:
        name: see the head of this file.
        cache: see `cache_folder`.

    Raises:
        ValueError: neither a known name nor a path, or a path without weights of a CLIP.
        ConnectionError: the download failed or came damaged.
    """
    from safetensors.torch import load_file  # imports PyTorch

    from promptsrc.weights import openclip
    from promptsrc.weights.files import read_file
    from promptsrc.weights.layouts import Weights, from_any_layout

    check_backbone(name)
    if name in BUNDLED:
        weights = Weights(_expand_vocabulary(load_file(BUNDLED[name])))
    elif name in MODEL_URLS:
        weights = from_any_layout(*read_file(_downloaded(name, cache)))
    elif name.startswith(OPEN_CLIP):
        weights = Weights(*openclip.load(name.removeprefix(OPEN_CLIP)))
    else:
        state, file = read_file(Path(name).expanduser())
        compact = COMPACT in state  # like the bundled file
        weights = Weights(_expand_vocabulary(state)) if compact else from_any_layout(state, file)
    return weights._replace(state={key: value.float() for key, value in weights.state.items()})


def check_backbone(name: str) -> None:
    """
    Raises:
        ValueError: neither a known name nor a path.
    """
    known = name in backbone_names() or name.startswith(OPEN_CLIP)
    if not known and not os.path.exists(os.path.expanduser(name)):
        spelled = {known.lower(): known for known in backbone_names()}
        close = difflib.get_close_matches(name.lower(), spelled, n=1)
        raise ValueError(
            f"backbone {name!r} is neither a name ({', '.join(backbone_names())}, "
            f"{OPEN_CLIP}<model>/<pretrained>) nor a file or folder of CLIP weights"
            + (f"; did you mean {spelled[close[0]]}?" if close else "")
        )


def _downloaded(name: str, cache: str) -> Path:
    """The local copy of OpenAI's weights."""
    url = MODEL_URLS[name]
    sha256, filename = url.split("/")[-2:]
    return fetched(url, sha256, cache_folder(cache) / filename)


def found_from_anywhere(name: str) -> str:
    """The backbone's name; a file or folder of weights in it as its absolute path."""
    model, slash, file = name.partition("/") if name.startswith(OPEN_CLIP) else ("", "", name)
    path = os.path.expanduser(file)
    if not os.path.exists(path) or name in backbone_names():
        return name
    return model + slash + os.path.abspath(path)


def cache_folder(cache: str = "") -> Path:
    """Folder of weights and class features: `cache`, else CLIP_CACHE, else `~/.cache/clip`."""
    return Path(cache or os.environ.get(CACHE_VARIABLE) or CACHE).expanduser()


def _expand_vocabulary(state: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """The bundled file has the token rows of its pre-training; other tokens get their mean."""
    ids, rows = state.pop(COMPACT), state.pop("token_embedding.rows").float()
    table = rows.mean(0).repeat(VOCABULARY, 1)
    table[ids.long()] = rows
    return state | {"token_embedding.weight": table}
