"""The tokens of CLIP that learned text vectors are near to."""

from typing import NamedTuple

import torch
from torch import Tensor

from promptsrc.checkpoint import load_prompts
from promptsrc.clip.openai import CLIP
from promptsrc.clip.tokens import tokenizer
from promptsrc.inference.prompt_file import PromptFile
from promptsrc.prompts.learner import find_learner

SPECIAL = ("<|startoftext|>", "<|endoftext|>")


class Near(NamedTuple):
    """A token and its distance from a vector; its text ends in `…` if it only begins a word."""

    text: str
    distance: float


def text_vectors(prompts: PromptFile, clip: CLIP) -> Tensor | None:
    """The text vectors of the first block, (n, W), or (C, n, W) with a context per class.

    Only they stand in the place of token embeddings: deeper vectors replace hidden states.

    Args:
        clip: the backbone that the prompts were trained for.

    Raises:
        ValueError: an unknown learner, or tensors that do not fit it.
    """
    about = prompts.description
    settings = about["settings"]
    names = about.get("classnames") or [""] * max(1, settings.get("classes", 0))
    learner = find_learner(about["learner"], about.get("module"))(clip, names, **settings)
    load_prompts(learner, prompts.tensors, "the checkpoint", about)
    vectors = learner.text.get(0)
    return None if vectors is None else vectors.detach()


def nearest_tokens(vectors: Tensor, embedding: Tensor, count: int = 5) -> list[list[Near]]:
    """The `count` tokens nearest to each vector, as CoOp's paper reads its vectors.

    Distances are Euclidean (arXiv 2109.01134). Special tokens are left out, and so are tokens that
    share their row of the embedding with others: pre-training has never seen those.

    Args:
        vectors: (n, W).
        embedding: the frozen token embedding (V, W).
    """
    seen = _seen(embedding)
    rows, found = embedding[seen].float(), []
    for part in vectors.float().split(64):  # all at once would take gigabytes with many classes
        distances = torch.cdist(part, rows, compute_mode="donot_use_mm_for_euclid_dist")
        near = distances.topk(min(count, len(seen)), largest=False)
        for row, indices in zip(near.values.tolist(), seen[near.indices].tolist(), strict=True):
            found.append([Near(_text(i), value) for i, value in zip(indices, row, strict=True)])
    return found


def median_distance(embedding: Tensor, sample: int = 1000) -> float:
    """The median distance between two tokens, over evenly spaced ones: a scale for distances."""
    seen = _seen(embedding)
    chosen = embedding[seen[:: max(1, len(seen) // sample)]].float()
    return float(torch.pdist(chosen).median())


def _seen(embedding: Tensor) -> Tensor:
    """Indices of the tokens that pre-training has seen, without the special ones."""
    _, row, counts = embedding.unique(dim=0, return_inverse=True, return_counts=True)
    seen = counts[row] == 1
    seen[[tokenizer.encoder[token] for token in SPECIAL]] = False
    return seen.nonzero()[:, 0]


def _text(token: int) -> str:
    text = tokenizer.decode([token])
    return text[:-1] if text.endswith(" ") else f"{text}…"
