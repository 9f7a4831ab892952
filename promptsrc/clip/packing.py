"""Texts packed into one matrix: nothing is computed twice, and nothing for padding.

    position   0    1 .. n   n+1 ..
    text 1    SOS   prompts   cat . EOT
    text 2    SOS   prompts   fire truck . EOT

    packed    SOS prompts | cat . EOT | fire truck . EOT       one row per token

The tower is causal and read at EOT. Leading positions where all texts agree therefore agree in
every layer: they are stored once, and all texts attend to them. Nothing after an EOT is stored.
Texts of equal length are neighbours and attend in one call; everything else runs over the matrix.

Shapes: C texts, p prompt positions, n vectors, R rows of the matrix, W tower width, H heads.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Group:
    """Texts with equally many tokens of their own, and how these attend."""

    texts: int
    length: int
    mask: Tensor  # (length, shared + length), True where a token attends


@dataclass(frozen=True, eq=False)
class Packing:
    """Which token is in which row.

    shared: leading rows, common to all texts; row i is position i.
    text, position (R,): whose token a row holds, and its position there.
    starts (C,): the first row of each text's own tokens.
    order (C,): the texts in the order of their rows; back (C,): its inverse.
    eot_rows (C,): the row of each EOT, in that order.
    prompt_rows: rows of the prompt positions, (1, p) where they are shared, else (C, p).
    """

    shared: int
    groups: tuple[Group, ...]
    text: Tensor
    position: Tensor
    starts: Tensor
    back: Tensor
    eot_rows: Tensor
    prompt_rows: Tensor

    @classmethod
    def of(cls, eot: Tensor, shared: int, slots: Tensor) -> "Packing":
        """
        Args:
            eot: position of EOT in each text (C,).
            shared: leading positions where all texts agree, from 1 to min(eot).
            slots: the prompt positions of each text (C, p).
        """
        device, eot, slots = eot.device, eot.cpu(), slots.cpu()
        own = eot + 1 - shared  # (C,)
        order = own.argsort(stable=True)
        ends = shared + own[order].cumsum(0)
        back = order.argsort()
        starts = (ends - own[order])[back]
        text = torch.cat(
            [torch.zeros(shared, dtype=torch.long), order.repeat_interleave(own[order])]
        )
        position = torch.arange(len(text))
        position[shared:] += shared - starts[text[shared:]]
        if bool((slots < shared).all()):
            slots = slots[:1]
        prompt_rows = torch.where(
            slots < shared, slots, starts[: len(slots), None] + slots - shared
        )
        tensors = (text, position, starts, back, ends - 1, prompt_rows)
        groups = _groups(own[order], shared, device)
        return cls(shared, groups, *(tensor.to(device) for tensor in tensors))

    @property
    def places(self) -> int:
        """Prompt positions in each text."""
        return self.prompt_rows.shape[1]

    def rows(self, text: Tensor, position: Tensor) -> Tensor:
        """The rows of tokens, by text and position."""
        own = self.starts[text] + position - self.shared
        return torch.where(position < self.shared, position, own)

    def rows_of(self, later: "Packing") -> Tensor:
        """For each row of a later packing, the row here that it continues (R',).

        The later one may hold more prompt positions (after ours) and share fewer rows. What is in
        a new prompt position is about to be replaced.
        """
        more = later.places - self.places
        before = later.position.clamp(max=self.places)  # SOS and prompts keep their positions
        moved = torch.where(later.position > later.places, later.position - more, before)
        return self.rows(later.text, moved)

    def put(self, x: Tensor, vectors: Tensor) -> Tensor:
        """`vectors` (n, W) or (C, n, W), n <= p, into the first n prompt positions of x (R, W)."""
        rows = self.prompt_rows[:, : vectors.shape[-2]]
        values = vectors.to(x.dtype).expand(*rows.shape, -1)
        return x.index_copy(0, rows.flatten(), values.flatten(0, 1))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        """Causal attention within each text: (R, W) three times -> (R, W).

        With the queries of the EOT rows only, (C, W): (C, W).
        """
        whole = len(q) == len(k)
        sizes = [self.shared, *(group.texts * group.length for group in self.groups)]
        (k0, *keys), (v0, *values) = k.split(sizes), v.split(sizes)
        queries = q.split(sizes if whole else [0, *(group.texts for group in self.groups)])
        k0, v0 = _split(k0, 1, heads), _split(v0, 1, heads)  # (1, H, shared, W/H)
        out = []
        if whole:
            q0 = _split(queries[0], 1, heads)
            out.append(F.scaled_dot_product_attention(q0, k0, v0, is_causal=True))
        for group, q1, k1, v1 in zip(self.groups, queries[1:], keys, values, strict=True):
            q1, k1, v1 = (_split(t, group.texts, heads) for t in (q1, k1, v1))
            k1, v1 = (  # (texts, H, shared + length, W/H)
                torch.cat([common.expand(group.texts, -1, -1, -1), own], 2)
                for common, own in ((k0, k1), (v0, v1))
            )
            mask = group.mask if whole else None  # EOT attends to everything
            out.append(F.scaled_dot_product_attention(q1, k1, v1, attn_mask=mask))
        return torch.cat([_merge(o) for o in out])


def _groups(own: Tensor, shared: int, device: torch.device) -> tuple[Group, ...]:
    """Groups of texts with `own` (C,) tokens of their own, ascending."""
    lengths, counts = (t.tolist() for t in own.unique_consecutive(return_counts=True))
    longest = lengths[-1]
    full = torch.ones(longest, shared + longest, dtype=torch.bool, device=device).tril(shared)
    return tuple(
        Group(texts, length, full[:length, : shared + length])
        for length, texts in zip(lengths, counts, strict=True)
    )


def _split(rows: Tensor, texts: int, heads: int) -> Tensor:
    """(texts * l, W) -> (texts, H, l, W/H)"""
    return rows.unflatten(0, (texts, -1)).unflatten(-1, (heads, -1)).transpose(1, 2)


def _merge(x: Tensor) -> Tensor:
    """(texts, H, l, W/H) -> (texts * l, W)"""
    return x.transpose(1, 2).flatten(2).flatten(0, 1)
