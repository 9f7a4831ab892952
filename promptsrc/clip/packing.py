"""Texts packed into one matrix: nothing is computed twice, and nothing for padding.

    position   0    1 .. n   n+1 ..
    text 1    SOS   prompts   cat . EOT
    text 2    SOS   prompts   fire truck . EOT

    packed    SOS prompts | cat . EOT | fire truck . EOT       one row per token

The tower is causal and read at EOT. Leading positions where all texts agree therefore agree in
every layer: they are stored once, and all texts attend to them. Nothing after an EOT is stored.
Only to attend, each text's own tokens are laid out beside the shared ones, padded to the longest:
one call for all texts. Everything else runs over the matrix.

N runs that train together (see `promptsrc.pack`) have the same texts with prompts of their own, so
each run shares leading rows among its texts:

    SOS prompts | SOS prompts | cat . EOT | cat . EOT | fire truck . EOT | fire truck . EOT
     of run 1      of run 2      run 1       run 2           run 1              run 2

Shapes: N runs, C texts of each, p prompt positions, n vectors, R rows of the matrix, W tower width,
H heads.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from promptsrc.clip.vectors import Tokens


@dataclass(frozen=True, eq=False)
class Packing:
    """Which token is in which row.

    runs: N.
    shared: leading positions that the texts of a run share, s; their rows come first, run by run.
    text, position (R,): whose token a row holds, and its position there.
    starts (N C,): the first row of each text's own tokens.
    back (N C,): where a text stands in the order of the rows.
    eot_rows (N C,): the row of each EOT, in that order.
    prompt_rows: rows of the prompt positions, (N, 1, p) where they are shared, else (N, C, p).
    layout (N C, s + L): the rows that each text attends to, in the order of the rows: the shared
        ones, and its own, of which the last is repeated up to the longest, L.
    own_places (R - N s,): where the own rows are in layout[:, s:], flattened.
    """

    runs: int
    shared: int
    text: Tensor
    position: Tensor
    starts: Tensor
    back: Tensor
    eot_rows: Tensor
    prompt_rows: Tensor
    layout: Tensor
    own_places: Tensor
    _by_dtype: dict[torch.dtype, tuple[Tensor, Tensor]] = field(
        default_factory=dict, init=False, repr=False
    )

    @classmethod
    def of(cls, eot: Tensor, shared: int, slots: Tensor, runs: int = 1) -> "Packing":
        """
        Args:
            eot: position of EOT in each text (N C,), the same in each run.
            shared: leading positions where all texts of a run agree, from 0 to min(eot).
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
        step = torch.arange(int(own.max()))  # (L,)
        own_rows = starts[order, None] + step.minimum(own[order, None] - 1)  # (N C, L)
        layout = torch.cat([shared_row[order] + torch.arange(shared), own_rows], 1)
        own_places = (step < own[order, None]).flatten().nonzero()[:, 0]
        tensors = (text, position, starts, back, ends - 1, prompt_rows, layout, own_places)
        return cls(runs, shared, *(tensor.to(device) for tensor in tensors))

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
        texts, s = len(self.layout), self.shared
        causal, whole_text = self._masks(q.dtype)
        keys, values = (  # (N C, H, s + L, W/H)
            _split(rows.index_select(0, self.layout.flatten()), texts, heads) for rows in (k, v)
        )
        if len(q) == texts:
            last = _split(q, texts, heads)  # (N C, H, 1, W/H)
            return _merge(F.scaled_dot_product_attention(last, keys, values, attn_mask=whole_text))
        queries = _split(q.index_select(0, self.layout[:, s:].flatten()), texts, heads)
        own = F.scaled_dot_product_attention(queries, keys, values, attn_mask=causal)
        out = _merge(own).index_select(0, self.own_places)
        if not s:
            return out
        q0, k0, v0 = (_split(t[: self.runs * s], self.runs, heads) for t in (q, k, v))
        shared = F.scaled_dot_product_attention(q0, k0, v0, is_causal=True)  # (N, H, s, W/H)
        return torch.cat([_merge(shared), out])

    def _masks(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """What own tokens may attend to (L, s + L), and EOT (N C, 1, 1, s + L), as summands."""
        if dtype not in self._by_dtype:
            s, width, device = self.shared, self.layout.shape[1], self.layout.device
            seen = torch.ones(width - s, width, dtype=torch.bool, device=device).tril(s)
            ends = s + self.eot_rows - self.layout[:, s]  # (N C,)
            inside = torch.arange(width, device=device) <= ends[:, None, None, None]
            self._by_dtype[dtype] = _summand(seen, dtype), _summand(inside, dtype)
        return self._by_dtype[dtype]


def _summand(seen: Tensor, dtype: torch.dtype) -> Tensor:
    """0 where seen, else -inf. Its rows are aligned, or a GPU's kernel copies it each time."""
    width = seen.shape[-1]
    aligned = torch.zeros(*seen.shape[:-1], -(-width // 8) * 8, dtype=dtype, device=seen.device)
    mask = aligned[..., :width]
    return mask.masked_fill_(~seen, -torch.inf)


def _split(rows: Tensor, texts: int, heads: int) -> Tensor:
    """(texts * l, W) -> (texts, H, l, W/H)"""
    return rows.unflatten(0, (texts, -1)).unflatten(-1, (heads, -1)).transpose(1, 2)


def _merge(x: Tensor) -> Tensor:
    """(texts, H, l, W/H) -> (texts * l, W)"""
    return x.transpose(1, 2).flatten(2).flatten(0, 1)
