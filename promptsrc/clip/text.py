"""From class names to what the text tower reads."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from promptsrc.clip.openai import CLIP
from promptsrc.clip.packing import Packing
from promptsrc.clip.tokens import readable, token_ids
from promptsrc.clip.vectors import Vectors, drops, parts, per_class

PLACEHOLDER = "X"  # one token; stands in a text where a learned vector without words will be

INPUT = -1  # before position embeddings are added
# before which block the packing changes to which, and where its rows come from (None: no change)
Stages = dict[int, tuple[Packing, Tensor | None]]


@dataclass(frozen=True, eq=False)
class Texts:
    """Tokenised texts and their frozen embeddings.

    tokens (C, P), P the tower's positions; eot (C,), the position of the largest id; embeddings
    (C, L, W), L > max(eot); slots (C, p), the prompt positions that the texts hold from the start.
    Of N runs (see `promptsrc.pack`): (N C, ...), with the same eot in each run.
    """

    tokens: Tensor
    eot: Tensor
    embeddings: Tensor
    slots: Tensor
    runs: int = 1
    _stages: dict[tuple, Stages] = field(default_factory=dict, init=False, repr=False)
    _parts: dict[int, list[tuple[Tensor, "Texts"]]] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        """
        Raises:
            ValueError: a text ends before its prompt positions do.
        """
        short = (self.slots >= self.eot[:, None]).any(1)
        if bool(short.any()):
            raise ValueError(
                f"a text of {int(self.eot[short][0]) - 1} tokens has no {self.slots.shape[1]} "
                "places for prompt vectors; take fewer vectors or a longer text"
            )

    @cached_property
    def sizes(self) -> tuple[bytes, bytes]:
        """Where each text ends, and where it takes prompts: texts with equal sizes pack alike."""
        eot, slots = (tensor.contiguous().cpu().numpy() for tensor in (self.eot, self.slots))
        return eot.tobytes(), slots.tobytes()

    def stages(self, vectors: Vectors) -> Stages:
        """How the texts are packed for these vectors, by block; cached by the vectors' shapes.

        Raises:
            ValueError: a block inserts prompt positions, but those of the texts do not follow SOS.
        """
        first, joining, _ = parts(vectors)
        at = {} if first is None else {INPUT: first}
        at |= {i: tokens.vectors for i, tokens in sorted(joining.items())}
        shapes = tuple((i, v.shape[-2], per_class(v)) for i, v in at.items())
        key = shapes, drops(vectors)
        if key not in self._stages:  # asks the device for sizes, so once is enough
            self._stages[key] = self._planned(*key)
        return self._stages[key]

    def _planned(self, shapes: tuple[tuple[int, int, bool], ...], apart: bool) -> Stages:
        """`apart`: the texts share nothing."""
        places = self.slots.shape[1]
        learned = next((n for block, n, _ in shapes if block == INPUT), 0)
        differing = any(differ for block, _, differ in shapes if block == INPUT)
        now = self._packed(places, learned, differing, apart)
        stages: Stages = {INPUT: (now, None)}
        for block, n, differ in shapes:
            if n > places or differ > differing:
                places, differing = max(places, n), differing or differ
                later = self._packed(places, learned, differing, apart)
                stages[block] = later, now.rows_of(later)
                now = later
            else:
                stages[block] = now, None
        return stages

    def _packed(self, places: int, learned: int, differing: bool, apart: bool) -> Packing:
        """`places` prompt positions, of which CLIP's input fills the first `learned`."""
        held = self.slots.shape[1]
        slots = torch.arange(1, places + 1, device=self.slots.device).expand(len(self.eot), -1)
        if not torch.equal(self.slots, slots[:, :held]):  # somewhere in the text
            if places > held:
                raise ValueError(
                    f"{places} prompt vectors for texts with {held} places that do not follow SOS; "
                    f"give at most {held}"
                )
            return Packing.of(self.eot, 0 if apart else 1, self.slots, self.runs)
        more = places - held
        shared = self._alike(learned) + more
        shared = 0 if apart else 1 if differing or shared <= places else shared
        return Packing.of(self.eot + more, shared, slots, self.runs)

    def _alike(self, learned: int) -> int:
        """Leading positions where a run's texts agree and none ends; the first ones are learned."""
        tokens = self.tokens.unflatten(0, (self.runs, -1))  # (N, C, P)
        same = (tokens == tokens[:, :1]).all(1).all(0)
        same[: learned + 1] = True
        return min(int(same.long().cumprod(0).sum()), int(self.eot.min()))

    def parts(self, size: int) -> list[tuple[Tensor, "Texts"]]:
        """Parts of at most `size` texts, similar in length, and which texts (size,) they hold.

        Of several runs: `size` texts of each run.
        """
        if size not in self._parts:
            each = len(self.eot) // self.runs
            first = torch.arange(0, len(self.eot), each, device=self.eot.device)[:, None]  # (N, 1)
            self._parts[size] = [
                (some, self._some((first + some).flatten()))
                for some in self.eot[:each].argsort(stable=True).split(size)
            ]
        return self._parts[size]

    def _some(self, chosen: Tensor) -> "Texts":
        tokens, eot = self.tokens[chosen], self.eot[chosen]
        return Texts(tokens, eot, self.embeddings[chosen], self.slots[chosen], self.runs)


def tokenize(texts: Sequence[str], length: int = 77) -> Tensor:
    """CLIP's token ids (len(texts), length); 0 follows the last one.

    Raises:
        ValueError: a text is longer; names it.
    """
    tokens = torch.zeros(len(texts), length, dtype=torch.long)
    for row, text in zip(tokens, texts, strict=True):
        ids = token_ids(text, length)
        row[: len(ids)] = torch.tensor(ids)
    return tokens


def embed(clip: CLIP, texts: Sequence[str], places: int = 0) -> Texts:
    """Tokens, EOT positions and token embeddings of texts, on CLIP's device.

    Args:
        places: positions after SOS that prompt vectors take at block 0.
    """
    tokens = tokenize(texts, clip.context_length).to(clip.token_embedding.weight.device)
    eot = tokens.argmax(-1)
    with torch.no_grad():
        embeddings = clip.token_embedding(tokens[:, : int(eot.max()) + 1])  # (C, L, W)
    slots = torch.arange(1, places + 1, device=tokens.device).expand(len(tokens), -1)
    return Texts(tokens, eot, embeddings, slots)


def class_texts(classnames: Sequence[str], prefix: str) -> list[str]:
    """The text of each class: `<prefix> <name>.`"""
    return [f"{prefix} {readable(name)}." for name in classnames]
