"""From class names to what the text tower reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import clip as openai_clip
import torch
from clip.model import CLIP
from torch import Tensor

PLACEHOLDER = "X"  # one token; stands in the text where a learned vector without words will be


@dataclass(frozen=True)
class TextRows:
    """Tokenised texts and their frozen embeddings, cut behind the longest one: text is causal and read at EOT, so
    no position behind it can matter.

    tokens (C, 77); eot (C,), the position of the largest id; embeddings (C, L, W) with L = max(eot) + 1; slots (C, n),
    the positions that n learned vectors take, where these are not 1..n in every text.
    """

    tokens: Tensor
    eot: Tensor
    embeddings: Tensor
    slots: Tensor | None = None


def readable(classname: str) -> str:
    """A class name as it stands in a text: underscores are spaces, all else stays."""
    return classname.replace("_", " ")


def tokenize(texts: Sequence[str]) -> Tensor:
    """CLIP's token ids (len(texts), 77).

    Raises:
        ValueError: a text does not fit into 77 positions; names it.
    """
    try:
        return openai_clip.tokenize(list(texts))
    except RuntimeError:
        longest = next(text for text in texts if not _fits(text))
        raise ValueError(
            f"text {longest!r} is longer than CLIP's 77 tokens; shorten the class name or the context"
        ) from None


def _fits(text: str) -> bool:
    try:
        openai_clip.tokenize(text)
    except RuntimeError:
        return False
    return True


def embed(clip: CLIP, texts: Sequence[str]) -> TextRows:
    """Tokens, EOT positions and token embeddings of texts, on CLIP's device."""
    tokens = tokenize(texts).to(clip.token_embedding.weight.device)
    eot = tokens.argmax(-1)
    with torch.no_grad():
        embeddings = clip.token_embedding(tokens[:, : int(eot.max()) + 1])  # (C, L, W)
    return TextRows(tokens, eot, embeddings)


def class_texts(classnames: Sequence[str], prefix: str) -> list[str]:
    """The prompt text of each class: `<prefix> <name>.`"""
    return [f"{prefix} {readable(name)}." for name in classnames]
