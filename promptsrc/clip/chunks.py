"""Memory that does not grow with the number of classes: some of them at a time.

The features of a chunk are stored, the activations are not: the backward pass runs the chunk's
forward once more. The result is the same.
"""

import os

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import Texts
from promptsrc.clip.towers import encode_text
from promptsrc.clip.vectors import (
    Entry,
    Update,
    Vectors,
    drops,
    per_class,
    tensors_of,
    with_tensors,
)

# Values of width W that autograd stores for each token and block: inputs of two layer norms (2),
# q k v (3), keys and values joined with the shared ones (4), attention (1), the MLP (4).
STORED = 14
SHARE = 0.5  # of the memory, for the text tower


def encode_text_in_chunks(clip: CLIP, texts: Texts, prompts: Vectors, at_once: int = 0) -> Tensor:
    """`towers.encode_text` for at most `at_once` texts at a time; 0: as many as memory allows."""
    at_once = at_once or texts_that_fit(clip, texts)
    if at_once >= len(texts.eot):
        return encode_text(clip, texts, prompts)
    features, parts = [], texts.parts(max(1, at_once // texts.runs))
    for some, part in parts:
        theirs = {i: _of_classes(entry, some) for i, entry in prompts.items()}
        features.append(
            checkpoint(
                encode_text,
                clip,
                part,
                theirs,
                use_reentrant=False,
                preserve_rng_state=drops(prompts),
            )
        )
    found = torch.cat([each.unflatten(0, (texts.runs, -1)) for each in features], 1)  # (N, C, D)
    return found[:, torch.cat([some for some, _ in parts]).argsort()].flatten(0, 1)


def _of_classes(entry: Entry, some: Tensor) -> Entry:
    if isinstance(entry, Update) or not per_class(vectors := tensors_of(entry)[0]):
        return entry
    return with_tensors(entry, iter([vectors.index_select(-3, some)]))


def texts_that_fit(clip: CLIP, texts: Texts) -> int:
    """How many texts fit into `SHARE` of the device's memory at once, gradients included.

    It counts all memory, not what is free now, so that a run takes the same path every time.
    """
    values = STORED * clip.ln_final.weight.shape[0] * clip.transformer.layers
    text_bytes = values * texts.embeddings.shape[1] * clip.dtype.itemsize
    return max(1, int(SHARE * memory_of(texts.embeddings.device) / text_bytes))


def memory_of(device: torch.device) -> int:
    """Bytes of a GPU, or of the machine; 8 GiB where the system does not say."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 8 * 2**30
