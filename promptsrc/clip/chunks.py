"""Memory that does not grow with the number of classes: a part of them at a time, recomputed for its gradient.

The encoded texts of a chunk are kept, what leads to them is not: backward runs the chunk's forward once more. The result is the same.
"""

import os
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import TextRows
from promptsrc.clip.towers import encode_text

# Numbers of width W that autograd keeps of a token and block: inputs of two layer norms, q k v, keys and values together with
# the shared ones (4), attention's result, the MLP's hidden layer (4).
KEPT = 14
SHARE = 0.5  # of the memory, for the text tower


def encode_text_in_chunks(
    clip: CLIP, rows: TextRows, prompts: Sequence[Tensor] = (), at_once: int = 0
) -> Tensor:
    """`towers.encode_text`, of at most `at_once` texts at a time; 0: as many as the memory allows."""
    at_once = at_once or texts_that_fit(clip, rows)
    if at_once >= len(rows.eot):
        return encode_text(clip, rows, prompts)
    features, chunks = [], rows.chunks(at_once)
    for texts, chunk in chunks:
        own = [vectors[texts] if vectors.dim() == 3 else vectors for vectors in prompts]
        features.append(
            checkpoint(encode_text, clip, chunk, own, use_reentrant=False, preserve_rng_state=False)
        )
    return torch.cat(features)[torch.cat([texts for texts, _ in chunks]).argsort()]


def texts_that_fit(clip: CLIP, rows: TextRows) -> int:
    """How many texts can be encoded at once, gradients included, in `SHARE` of the device's memory.

    Of all its memory, not of what is free now, so that a run goes the same way each time.
    """
    numbers = (
        KEPT * clip.ln_final.weight.shape[0] * clip.transformer.layers * rows.embeddings.shape[1]
    )
    return max(1, int(SHARE * _memory(rows.embeddings.device) / (numbers * clip.dtype.itemsize)))


@torch.compiler.assume_constant_result  # what a compiled step may not ask
def _memory(device: torch.device) -> int:
    """Bytes of a GPU, or of the machine; without an answer as if there were 8 GiB."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 8 * 2**30
