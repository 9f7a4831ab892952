"""From class names to what the text tower reads."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from promptsrc.clip import openai
from promptsrc.clip.openai import CLIP
from promptsrc.clip.packing import Packing

PLACEHOLDER = "X"  # one token; stands in the text where a learned vector without words will be


@dataclass(frozen=True, eq=False)
class TextRows:
    """Tokenised texts and their frozen embeddings.

    tokens (C, 77); eot (C,), the position of the largest id; embeddings (C, L, W), L > max(eot); slots (C, n),
    the positions that n learned vectors take, where these are not 1..n in every text.
    """

    tokens: Tensor
    eot: Tensor
    embeddings: Tensor
    slots: Tensor | None = None
    _packings: dict[tuple[int, bool], Packing] = field(default_factory=dict, init=False, repr=False)
    _chunks: dict[int, list[tuple[Tensor, "TextRows"]]] = field(
        default_factory=dict, init=False, repr=False
    )

    def packing(self, n: int = 0, apart: bool = False) -> Packing:
        """The texts packed for n vectors each, the same for all or `apart`. Kept, for it asks the device for sizes."""
        key = n, apart
        if key not in self._packings:
            slots = (
                torch.arange(1, n + 1).expand(len(self.eot), -1)
                if self.slots is None
                else self.slots
            )
            shared = 1 if apart or self.slots is not None else self._alike(n)
            self._packings[key] = Packing.of(self.eot, shared, slots, apart)
        return self._packings[key]

    def chunks(self, size: int) -> list[tuple[Tensor, "TextRows"]]:
        """Parts of at most `size` texts, neighbours in length, and which texts (size,) they hold. Kept as well."""
        if size not in self._chunks:
            parts = self.eot.argsort(stable=True).split(size)
            self._chunks[size] = [(texts, self._part(texts)) for texts in parts]
        return self._chunks[size]

    def _part(self, texts: Tensor) -> "TextRows":
        slots = None if self.slots is None else self.slots[texts]
        return TextRows(self.tokens[texts], self.eot[texts], self.embeddings[texts], slots)

    def _alike(self, n: int) -> int:
        """Leading positions in which all texts are the same, whatever the n vectors behind SOS, and none ends."""
        same = (self.tokens == self.tokens[:1]).all(0)
        same[: n + 1] = True
        return min(int(same.long().cumprod(0).sum()), int(self.eot.min()))


def readable(classname: str) -> str:
    """A class name as it stands in a text: underscores are spaces, all else stays."""
    return classname.replace("_", " ")


def tokenize(texts: Sequence[str]) -> Tensor:
    """CLIP's token ids (len(texts), 77).

    Raises:
        ValueError: a text does not fit into 77 positions; names it.
    """
    try:
        return openai.tokenize(list(texts))
    except RuntimeError:
        longest = next(text for text in texts if not _fits(text))
        raise ValueError(
            f"text {longest!r} is longer than CLIP's 77 tokens; shorten the class name or the context"
        ) from None


def _fits(text: str) -> bool:
    try:
        openai.tokenize(text)
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
