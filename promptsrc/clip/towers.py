"""CLIP's two towers, run block by block over CLIP's own modules, with prompts put in between.

Nothing of CLIP is copied or replaced: the modules that `clip` builds hold the weights, and these
functions say in which order they run. Without prompts they are plain CLIP, so student and teacher
share one model. What does not change the result is not computed: texts are packed (see
`promptsrc.clip.packing`), the last block runs only for the tokens that are read, and image prompts
that the next block replaces serve as keys and values only. `promptsrc.clip.plain` is the same
without shortcuts.

Several runs at a time go through both (see `promptsrc.pack`): N C texts, N B images.

Shapes: B images, C texts, L positions, R rows of packed texts, W tower width, n vectors, H heads,
D embedding size.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from promptsrc.clip.linear import linear
from promptsrc.clip.openai import CLIP, QuickGELU, ResidualAttentionBlock, VisionTransformer
from promptsrc.clip.text import INPUT, Texts
from promptsrc.clip.vectors import (
    NO_UPDATE,
    NO_VECTORS,
    LowRank,
    Tokens,
    Update,
    Vectors,
    check_vectors,
    parts,
)

# queries, keys, values, number of heads -> the attended values
Attend = Callable[[Tensor, Tensor, Tensor, int], Tensor]
Positions = slice | list[int]  # of a sequence
CLS = slice(0, 1)
GELU_SLOPE = 1.702  # QuickGELU: x sigmoid(1.702 x)


def encode_text(clip: CLIP, texts: Texts, prompts: Vectors = NO_VECTORS) -> Tensor:
    """Text features (C, D), not normalised, read at EOT; see `text_tokens`."""
    return text_tokens(clip, texts, prompts)[:, 0] @ clip.text_projection


def encode_image(
    clip: CLIP, images: Tensor, prompts: Vectors = NO_VECTORS, runs: int = 1
) -> Tensor:
    """Image features (B, D), not normalised, read at CLS; see `image_tokens`.

    Raises:
        ValueError: prompts for a ResNet.
    """
    if not isinstance(clip.visual, VisionTransformer) and not prompts:
        return clip.visual(images.to(clip.dtype))
    return image_tokens(clip, images, prompts, runs=runs)[:, 0] @ clip.visual.proj


def text_tokens(
    clip: CLIP, texts: Texts, prompts: Vectors = NO_VECTORS, positions: Tensor | None = None
) -> Tensor:
    """Tokens of the last block, after the final layer norm.

    Args:
        prompts: vectors by block (see `promptsrc.clip.vectors`).
        positions: which tokens of each text (C, k), up to its EOT, inserted vectors counted;
            None: EOT.

    Returns:
        (C, k, W) in the towers' precision.

    Raises:
        ValueError: the tower cannot take these prompts.
    """
    blocks = clip.transformer.resblocks
    if texts.runs == 1:  # several are checked one by one, before they are stacked
        check_vectors(
            prompts, texts.embeddings.shape[-1], len(blocks), len(texts.eot), texts.slots.shape[1]
        )
    stages, (first, joining, updates) = texts.stages(prompts), parts(prompts)
    packing, _ = stages[INPUT]
    x = texts.embeddings[packing.text, packing.position].to(clip.dtype)  # (R, W)
    if first is not None:
        x = packing.put(x, Tokens(first))
    x = x + clip.positional_embedding[packing.position]
    for i, block in enumerate(blocks):
        if i in joining:
            packing, rows = stages[i]
            x = packing.put(x if rows is None else x[rows], joining[i])
        only_eot = positions is None and i + 1 == len(blocks)
        read = packing.eot_rows if only_eot else None
        x = _run_block(block, x, packing.attend, read, update=updates.get(i, NO_UPDATE))
    if positions is None:
        return clip.ln_final(x)[packing.back, None]
    each = torch.arange(len(positions), device=positions.device)[:, None]  # (C, 1)
    return clip.ln_final(x[packing.rows(each, positions)])


def image_tokens(
    clip: CLIP,
    images: Tensor,
    prompts: Vectors = NO_VECTORS,
    read: Positions = CLS,
    runs: int = 1,
) -> Tensor:
    """Tokens of the last block, after the final layer norm.

    Args:
        images: (B, 3, R, R), normalised, of the backbone's resolution R.
        prompts: vectors (n, W) by block (see `promptsrc.clip.vectors`), after CLS and patches.
            None gets a position embedding.
        read: positions to return, such as `[0, -2, -1]` for CLS and the last two prompt tokens.
        runs: above 1, images (N B, ...) of as many runs, one after another, with vectors (N, n, W).

    Returns:
        (B, k, W) in the towers' precision.

    Raises:
        ValueError: the tower cannot take these prompts, or is a ResNet.
    """
    visual = vision_transformer(clip)
    blocks = visual.transformer.resblocks
    if runs == 1:
        check_vectors(prompts, visual.class_embedding.shape[0], len(blocks))
    patches = visual.conv1(images.to(clip.dtype)).flatten(2).transpose(1, 2)  # (B, L-1, W)
    cls = visual.class_embedding.expand(patches.shape[0], 1, -1)
    x = torch.cat([cls.to(patches.dtype), patches], 1) + visual.positional_embedding  # (B, L, W)
    x = visual.ln_pre(x)
    first, joining, updates = parts(prompts)
    if first is not None:
        joining[0] = Tokens(visual.ln_pre(first.to(x.dtype)))
    length, places = x.shape[1], 0  # prompt positions so far
    for i, block in enumerate(blocks):
        beside = None
        if i in joining:
            tokens, n = joining[i], joining[i].vectors.shape[-2]
            kept = max(places - n, 0)  # earlier prompts that stay
            places = kept + n
            if tokens.beta != 1:
                tokens = tokens._replace(vectors=_for_each(tokens.vectors, x.shape[0]))
            vectors = tokens.joined(x[:, length + kept :])
            x = x[:, : length + kept]
            if not kept and _replaces(joining.get(i + 1), places):
                beside = vectors
            else:
                x = torch.cat([x, _for_each(vectors, x.shape[0])], 1)
        read_now = (slice(None), read) if i + 1 == len(blocks) else None
        x = _run_block(block, x, _attend, read_now, beside, updates.get(i, NO_UPDATE))
    return visual.ln_post(x)


def _replaces(tokens: Tokens | None, places: int) -> bool:
    """Whether tokens replace all prompt positions and keep nothing of them."""
    return tokens is not None and tokens.beta == 1 and tokens.vectors.shape[-2] >= places


def vision_transformer(clip: CLIP) -> VisionTransformer:
    """The image tower.

    Raises:
        ValueError: it is a ResNet.
    """
    if not isinstance(clip.visual, VisionTransformer):
        raise ValueError("image prompts need a ViT backbone; this one is a ResNet")
    return clip.visual


def _run_block(
    block: ResidualAttentionBlock,
    x: Tensor,
    attend: Attend,
    read: Tensor | tuple | None = None,
    beside: Tensor | None = None,
    update: Update = NO_UPDATE,
) -> Tensor:
    """What CLIP's block computes.

    read: index of the tokens that are wanted; None: all.
    beside: tokens (n, W), (N, n, W) or (N B, n, W) at the end of every sequence of x (B, L, W), or
        (N B, L, W); attended to, not returned. A block with an update has none.
    """
    attn, y = block.attn, block.ln_1(x)
    weight, bias, width = attn.in_proj_weight, attn.in_proj_bias, x.shape[-1]
    asking = y if read is None else y[read]
    if read is None:
        q, k, v = linear(y, weight, bias).chunk(3, -1)
    else:
        x, q = x[read], linear(asking, weight[:width], bias[:width])
        k, v = linear(y, weight[width:], bias[width:]).chunk(2, -1)
    q, k, v = _added(q, update.q, asking), _added(k, update.k, y), _added(v, update.v, y)
    if beside is not None:
        more = linear(block.ln_1(beside), weight[width:], bias[width:])
        k, v = (  # (B, L+n, W)
            torch.cat([own, _for_each(extra, own.shape[0])], 1)
            for own, extra in zip((k, v), more.chunk(2, -1), strict=True)
        )
    attended = attend(q, k, v, attn.num_heads)
    out = linear(attended, attn.out_proj.weight, attn.out_proj.bias)
    x = x + _added(out, update.o, attended)
    return _add_mlp(block, x)


def _added(out: Tensor, low: LowRank | None, x: Tensor) -> Tensor:
    return out if low is None else out + low.of(x)


def _for_each(vectors: Tensor, count: int) -> Tensor:
    """Vectors (n, W), or (N, n, W) of N runs, for each of `count` images: (count, n, W).

    `count` is a size of a tensor, not its `len`: an exported program leaves it open.
    """
    if vectors.dim() == 2:
        return vectors.expand(count, -1, -1)
    if vectors.shape[0] == count:
        return vectors
    return vectors.repeat_interleave(count // vectors.shape[0], 0)


def _attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Every token to its whole sequence: (B, L, W), keys and values (B, L', W) -> (B, L, W)."""
    q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))  # (B, H, L, W/H)
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def _add_mlp(block: ResidualAttentionBlock, x: Tensor) -> Tensor:
    """x + mlp(ln_2(x)).

    With a sigmoid(s a) = silu(s a) / s, QuickGELU is one kernel that stores one activation, and
    the matrix products beside it take in the factors.
    """
    mlp, y = block.mlp, block.ln_2(x)
    s, inner, outer = GELU_SLOPE, mlp.c_fc, mlp.c_proj
    if not isinstance(mlp.gelu, QuickGELU):
        hidden = mlp.gelu(linear(y, inner.weight, inner.bias))
        return x + linear(hidden, outer.weight, outer.bias)
    hidden = linear(y, inner.weight, inner.bias, alpha=s, beta=s)
    out = linear(F.silu(hidden), outer.weight, outer.bias, beta=s)
    return torch.add(x, out, alpha=1 / s)
