"""What a prompt learner gives to a tower: vectors by block, or updates of its attention.

    {0: (4, W), 1: (4, W), 8: (C, 4, W), 9: Tokens((4, W), beta=0.3), 10: Update(q=LowRank(...))}

Vectors (n, W) are the same for all classes, (C, n, W) differ by class (text tower only). Before
block i runs, its vectors take the prompt positions: the first n after SOS in a text, the last n of
an image. Where there are fewer prompt positions than vectors, the missing ones are inserted.
Between prompted blocks, and after the last, prompt positions are ordinary tokens.

Vectors of block 0 belong to CLIP's input: those of a text get position embeddings, those of an
image the first layer norm. `Tokens` of block 0 enter after that.

Of N runs that train together (see `promptsrc.pack`) texts take (N, 1, n, W) or (N, C, n, W), images
(N, n, W).
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class Tokens(NamedTuple):
    """Vectors that join the tokens of a block, and may keep a part of what they replace.

    x = beta vectors + (1 - beta) x        x: the tokens at the prompt positions
    """

    vectors: Tensor
    beta: float = 1.0

    def joined(self, x: Tensor) -> Tensor:
        """What stands at the prompt positions then; of x (..., n, W) only dtype if beta is 1."""
        vectors = self.vectors.to(x.dtype)
        return vectors if self.beta == 1 else self.beta * vectors + (1 - self.beta) * x


class LowRank(NamedTuple):
    """What is added to a linear map of x: scale B A drop(x), A (r, in) and B (out, r)."""

    A: Tensor
    B: Tensor
    scale: float
    dropout: float = 0.0

    def of(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out); each call drops values of its own."""
        x = F.dropout(x, self.dropout) if self.dropout else x
        return self.scale * F.linear(F.linear(x, self.A.to(x.dtype)), self.B.to(x.dtype))


class Update(NamedTuple):
    """Of the attention of a block: what is added to its queries, keys, values and its output."""

    q: LowRank | None = None
    k: LowRank | None = None
    v: LowRank | None = None
    o: LowRank | None = None


NO_UPDATE = Update()
Entry = Tensor | Tokens | Update
Vectors = Mapping[int, Entry]
NO_VECTORS: Vectors = {}  # the compiler of PyTorch 2.5 takes no mapping proxy


def tensors_of(entry: Entry) -> list[Tensor]:
    """All tensors of an entry; the vectors are the only one."""
    if isinstance(entry, Update):
        return [tensor for low in entry if low is not None for tensor in (low.A, low.B)]
    return [entry.vectors if isinstance(entry, Tokens) else entry]


def with_tensors(entry: Entry, tensors: Iterator[Tensor]) -> Entry:
    """The same entry with other tensors, taken in the order of `tensors_of`."""
    if isinstance(entry, Update):
        return Update(*(low and low._replace(A=next(tensors), B=next(tensors)) for low in entry))
    vectors = next(tensors)
    return entry._replace(vectors=vectors) if isinstance(entry, Tokens) else vectors


def parts(vectors: Vectors) -> tuple[Tensor | None, dict[int, Tokens], dict[int, Update]]:
    """The vectors of CLIP's input, the tokens that join each block, and the updates of blocks."""
    updates = {i: v for i, v in vectors.items() if isinstance(v, Update)}
    tokens = {i: v for i, v in vectors.items() if isinstance(v, Tokens)}
    bare = {i: v for i, v in vectors.items() if isinstance(v, Tensor)}
    first = bare.pop(0, None)
    return first, tokens | {i: Tokens(v) for i, v in bare.items()}, updates


def drops(vectors: Vectors) -> bool:
    """Whether something is dropped at random, so that no two texts have values in common."""
    updates = (v for v in vectors.values() if isinstance(v, Update))
    return any(low is not None and low.dropout > 0 for update in updates for low in update)


def per_class(vectors: Tensor) -> bool:
    """Whether text vectors differ by class: (C, n, W), and of several runs (N, C, n, W)."""
    return vectors.dim() == 3 or (vectors.dim() == 4 and vectors.shape[1] > 1)


def check_vectors(
    vectors: Vectors, width: int, blocks: int, classes: int | None = None, places: int = 0
) -> None:
    """Refuse what a tower cannot do.

    Args:
        width, blocks: of the tower.
        classes: texts that vectors (C, n, W) must match; None for images, which have no classes.
        places: prompt positions that the texts hold from the start; block 0 of a text takes no
            more, since CLIP has position embeddings for these only.

    Raises:
        ValueError: a block the tower lacks, vectors of a wrong shape, or tokens to keep a part of
            where there are none.
    """
    tower = "image" if classes is None else "text"
    for block, entry in sorted(vectors.items()):
        if not 0 <= block < blocks:
            raise ValueError(
                f"prompts for block {block}; the {tower} tower has blocks 0 to {blocks - 1}"
            )
        if isinstance(entry, Update):
            continue
        shape = tuple(tensors_of(entry)[0].shape)
        fits = shape[-1:] == (width,) and 0 not in shape
        if not fits or len(shape) not in ((2,) if classes is None else (2, 3)):
            allowed = f"(n, {width})" + ("" if classes is None else f" or ({classes}, n, {width})")
            raise ValueError(f"prompts of block {block} are {shape}; they must be {allowed}")
        if len(shape) == 3 and shape[0] != classes:
            raise ValueError(f"prompts of block {block} are for {shape[0]} classes, not {classes}")
        if block == 0 and classes is not None and isinstance(entry, Tensor) and shape[-2] > places:
            raise ValueError(
                f"{shape[-2]} prompt vectors at block 0, but the texts hold {places} places for "
                "them; reserve places with embed(clip, texts, places)"
            )
        if isinstance(entry, Tokens) and entry.beta != 1 and shape[-2] > places:
            raise ValueError(
                f"prompts of block {block} keep a part of {shape[-2]} tokens (beta {entry.beta}), "
                f"but {places} are there; insert them at an earlier block"
            )
        places = max(places, shape[-2])
