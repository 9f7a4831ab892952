"""Texts packed into one matrix, so that nothing is computed twice, or for padding.

    position   0    1 .. n   n+1 ..
    text 1    SOS   context   cat . EOT
    text 2    SOS   context   fire truck . EOT

    packed    SOS context | cat . EOT | fire truck . EOT       one row a token

The tower is causal and read at EOT. So the first positions, where all texts are the same, are the same in every layer: they stand
there once, and all texts attend to them. Nothing behind an EOT stands there. Texts of one length are neighbours, and attention
runs over each such group at once; all else runs over the whole matrix.

Shapes: C texts, n vectors, R rows of the matrix, W tower width, H heads.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Group:
    """How many texts have so many tokens of their own, and how those attend."""

    texts: int
    own: int
    mask: Tensor  # (own, shared + own), True where a token attends


@dataclass(frozen=True)
class Packing:
    """Which token stands in which row.

    shared: rows that all texts begin with. text, position (R,): whose token is in a row, and from where. read (C,): the row of each EOT
    in packed order; place (C,): where in packed order a text is. The vectors numbered `vectors` go into the rows `slots`.
    """

    shared: int
    groups: tuple[Group, ...]
    text: Tensor
    position: Tensor
    read: Tensor
    place: Tensor
    slots: Tensor
    vectors: Tensor

    @classmethod
    def of(cls, eot: Tensor, shared: int, slots: Tensor, apart: bool) -> "Packing":
        """
        Args:
            eot: position of EOT in each text (C,).
            shared: leading positions in which all texts are the same, from 1 to min(eot).
            slots: positions of the vectors in each text (C, n).
            apart: each text has vectors of its own, numbered on from text to text; else all have the same n.
        """
        device, eot, slots = eot.device, eot.cpu(), slots.cpu()
        own = eot + 1 - shared  # (C,)
        order = own.argsort(stable=True)
        starts = (
            shared + own[order].cumsum(0) - own[order]
        )  # first own row of each text, in packed order
        place = order.argsort()
        text = torch.cat(
            [torch.zeros(shared, dtype=torch.long), order.repeat_interleave(own[order])]
        )
        position = torch.arange(len(text))
        position[shared:] += shared - starts.repeat_interleave(own[order])
        rows = torch.where(slots < shared, slots, starts[place, None] + slots - shared)  # (C, n)
        there = slots <= eot[:, None]
        there[1:] &= slots[1:] >= shared  # those of the shared rows count once
        numbers = (
            torch.arange(slots.numel()).view_as(slots)
            if apart
            else torch.arange(slots.shape[1]).expand_as(slots)
        )
        tensors = (text, position, starts + own[order] - 1, place, rows[there], numbers[there])
        groups = _groups(own[order], shared, device)
        return cls(shared, groups, *(tensor.to(device) for tensor in tensors))

    def put(self, x: Tensor, vectors: Tensor) -> Tensor:
        """`vectors` (n, W) or (C, n, W) into their rows of x (R, W)."""
        vectors = vectors.flatten(0, -2)[self.vectors].to(x.dtype)
        return x.index_copy(0, self.slots, vectors)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        """Causal attention within each text: (R, W) three times -> (R, W).

        With queries (C, W) of the rows that are read only: (C, W).
        """
        whole = len(q) == len(k)
        sizes = [self.shared, *(group.texts * group.own for group in self.groups)]
        (k0, *keys), (v0, *values) = k.split(sizes), v.split(sizes)
        queries = q.split(sizes if whole else [0, *(group.texts for group in self.groups)])
        k0, v0 = _split(k0, 1, heads), _split(v0, 1, heads)  # (1, H, shared, W/H)
        out = (
            [F.scaled_dot_product_attention(_split(queries[0], 1, heads), k0, v0, is_causal=True)]
            if whole
            else []
        )
        for group, q1, k1, v1 in zip(self.groups, queries[1:], keys, values, strict=True):
            q1, k1, v1 = (
                _split(t, group.texts, heads) for t in (q1, k1, v1)
            )  # (texts, H, own, W/H)
            k1, v1 = (
                torch.cat([t0.expand(group.texts, -1, -1, -1), t], 2)
                for t0, t in ((k0, k1), (v0, v1))
            )
            mask = group.mask if whole else None  # EOT attends to all
            out.append(F.scaled_dot_product_attention(q1, k1, v1, attn_mask=mask))
        return torch.cat([_merge(o) for o in out])


def _groups(own: Tensor, shared: int, device: torch.device) -> tuple[Group, ...]:
    """Of texts with so many tokens of their own (C,), ascending."""
    found = zip(*(t.tolist() for t in own.unique_consecutive(return_counts=True)), strict=True)
    full = torch.ones(
        int(own.max()), shared + int(own.max()), dtype=torch.bool, device=device
    ).tril(shared)
    return tuple(Group(texts, length, full[:length, : shared + length]) for length, texts in found)


def _split(rows: Tensor, texts: int, heads: int) -> Tensor:
    """(texts * l, W) -> (texts, H, l, W/H)"""
    return rows.unflatten(0, (texts, -1)).unflatten(-1, (heads, -1)).transpose(1, 2)


def _merge(x: Tensor) -> Tensor:
    """(texts, H, l, W/H) -> (texts * l, W)"""
    return x.transpose(1, 2).flatten(2).flatten(0, 1)
