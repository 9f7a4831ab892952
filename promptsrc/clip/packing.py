"""Texts packed into one matrix: nothing is computed twice, and nothing for padding.

    position   0    1 .. n   n+1 ..
    text 1    SOS   prompts   cat . EOT
    text 2    SOS   prompts   fire truck . EOT

    packed    SOS prompts | cat . EOT | fire truck . EOT       one row per token

The tower is causal and read at EOT. Leading positions where all texts agree therefore agree in
every layer: they are stored once, and all texts attend to them. Nothing after an EOT is stored.
Texts of equal length are neighbours and attend in one call; everything else runs over the matrix.

N runs that train together (see `promptsrc.pack`) have the same texts with prompts of their own, so
each run shares leading rows among its texts:

    SOS prompts | SOS prompts | cat . EOT | cat . EOT | fire truck . EOT | fire truck . EOT
     of run 1      of run 2      run 1       run 2           run 1              run 2

Shapes: N runs, C texts of each, p prompt positions, n vectors, R rows of the matrix, W tower width,
H heads.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from promptsrc.clip.vectors import Tokens


@dataclass(frozen=True)
class Group:
    """Texts with equally many tokens of their own, and how these attend."""

    texts: int  # of each run
    length: int
    mask: Tensor  # (length, shared + length), True where a token attends


@dataclass(frozen=True, eq=False)
class Packing:
    """Which token is in which row.

    runs: N.
    shared: leading positions that the texts of a run share; their rows come first, run by run.
    text, position (R,): whose token a row holds, and its position there.
    starts (N C,): the first row of each text's own tokens.
    back (N C,): where a text stands in the order of the rows.
    eot_rows (N C,): the row of each EOT, in that order.
    prompt_rows: rows of the prompt positions, (N, 1, p) where they are shared, else (N, C, p).
    """

    runs: int
    shared: int
    groups: tuple[Group, ...]
    text: Tensor
    position: Tensor
    starts: Tensor
    back: Tensor
    eot_rows: Tensor
    prompt_rows: Tensor

    @classmethod
    def of(cls, eot: Tensor, shared: int, slots: Tensor, runs: int = 1) -> "Packing":
        """
        Args:
            eot: position of EOT in each text (N C,), the same in each run.
            shared: leading positions where all texts of a run agree, from 1 to min(eot).
            slots: the prompt positions of each text (N C, p).
        """
        device, eot, slots = eot.device, eot.cpu(), slots.cpu()
        own, common = eot + 1 - shared, runs * shared  # (N C,), rows before those of the texts
        order = own.argsort(stable=True)
        ends = common + own[order].cumsum(0)
        back = order.argsort()
        starts = (ends - own[order])[back]
        first = torch.arange(0, len(eot), len(eot) // runs)  # (N,)
        text = torch.cat([first.repeat_interleave(shared), order.repeat_interleave(own[order])])
        own_position = torch.arange(common, len(text)) + shared - starts[text[common:]]
        position = torch.cat([torch.arange(shared).repeat(runs), own_position])
        shared_row = torch.arange(runs).repeat_interleave(len(eot) // runs)[:, None] * shared
        prompt_rows = torch.where(
            slots < shared, shared_row + slots, starts[:, None] + slots - shared
        ).unflatten(0, (runs, -1))
        if bool((slots < shared).all()):
            prompt_rows = prompt_rows[:, :1]
        tensors = (text, position, starts, back, ends - 1, prompt_rows)
        groups = _groups(own[order], shared, runs, device)
        return cls(runs, shared, groups, *(tensor.to(device) for tensor in tensors))

    @property
    def places(self) -> int:
        """Prompt positions in each text."""
        return self.prompt_rows.shape[-1]

    def rows(self, text: Tensor, position: Tensor) -> Tensor:
        """The rows of tokens, by text and position."""
        own = self.starts[text] + position - self.shared
        run = text // (len(self.starts) // self.runs)
        return torch.where(position < self.shared, run * self.shared + position, own)

    def rows_of(self, later: "Packing") -> Tensor:
        """For each row of a later packing, the row here that it continues (R',).

        The later one may hold more prompt positions (after ours) and share fewer rows. What is in
        a new prompt position is about to be replaced.
        """
        more = later.places - self.places
        before = later.position.clamp(max=self.places)  # SOS and prompts keep their positions
        moved = torch.where(later.position > later.places, later.position - more, before)
        return self.rows(later.text, moved)

    def put(self, x: Tensor, tokens: Tokens) -> Tensor:
        """Tokens into the first n <= p prompt positions of x (R, W).

        Args:
            tokens: (n, W) or (C, n, W), of several runs (N, 1, n, W) or (N, C, n, W).
        """
        rows = self.prompt_rows[..., : tokens.vectors.shape[-2]]  # (N, 1 or C, n)
        there = x if tokens.beta == 1 else x[rows]
        values = tokens.joined(there).expand(*rows.shape, -1)
        return x.index_copy(0, rows.flatten(), values.flatten(0, 2))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        """Causal attention within each text: (R, W) three times -> (R, W).

        With the queries of the EOT rows only, (N C, W): (N C, W).
        """
        whole, runs = len(q) == len(k), self.runs
        counts = [runs * group.texts for group in self.groups]
        rows = [runs * group.texts * group.length for group in self.groups]
        sizes = [runs * self.shared, *rows]
        (k0, *keys), (v0, *values) = k.split(sizes), v.split(sizes)
        queries = q.split(sizes if whole else [0, *counts])
        k0, v0 = _split(k0, runs, heads), _split(v0, runs, heads)  # (N, H, shared, W/H)
        out = []
        if whole:
            q0 = _split(queries[0], runs, heads)
            out.append(F.scaled_dot_product_attention(q0, k0, v0, is_causal=True))
        for group, q1, k1, v1 in zip(self.groups, queries[1:], keys, values, strict=True):
            q1, k1, v1 = (_split(t, runs * group.texts, heads) for t in (q1, k1, v1))
            k1, v1 = (  # (N texts, H, shared + length, W/H)
                _joined(common, own, group.texts) for common, own in ((k0, k1), (v0, v1))
            )
            mask = group.mask if whole else None  # EOT attends to everything
            out.append(F.scaled_dot_product_attention(q1, k1, v1, attn_mask=mask))
        return torch.cat([_merge(o) for o in out])


def _groups(own: Tensor, shared: int, runs: int, device: torch.device) -> tuple[Group, ...]:
    """Groups of texts with `own` (N C,) tokens of their own, ascending."""
    lengths, counts = (t.tolist() for t in own.unique_consecutive(return_counts=True))
    longest = lengths[-1]
    full = torch.ones(longest, shared + longest, dtype=torch.bool, device=device).tril(shared)
    return tuple(
        Group(texts // runs, length, full[:length, : shared + length])
        for length, texts in zip(lengths, counts, strict=True)
    )


def _joined(common: Tensor, own: Tensor, texts: int) -> Tensor:
    """A run's rows before those of each text: (N, H, s, d), (N texts, H, l, d)."""
    runs = len(common)
    if runs == 1:
        return torch.cat([common.expand(texts, -1, -1, -1), own], 2)
    own = own.unflatten(0, (runs, texts))
    common = common[:, None].expand(-1, texts, -1, -1, -1)
    return torch.cat([common, own], 3).flatten(0, 1)


def _split(rows: Tensor, texts: int, heads: int) -> Tensor:
    """(texts * l, W) -> (texts, H, l, W/H)"""
    return rows.unflatten(0, (texts, -1)).unflatten(-1, (heads, -1)).transpose(1, 2)


def _merge(x: Tensor) -> Tensor:
    """(texts, H, l, W/H) -> (texts * l, W)"""
    return x.transpose(1, 2).flatten(2).flatten(0, 1)
