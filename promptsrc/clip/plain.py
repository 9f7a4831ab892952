"""CLIP's towers with prompts, written to be read: the page of deep prompting, without shortcuts.

Every text runs over all its positions, padding included, every block for every token. It is what
the tests hold `promptsrc.clip.towers` against, and the way out for a method that changes a block:
`FrozenCLIP(..., forward=plain)` runs it. Same functions, same arguments, same results.

    x = [SOS, P_0, name, EOT]  -> + position embedding -> block 0 ->
    x = [SOS, P_1, name, EOT]  -> block 1 -> ...                     the tokens named P are replaced

Shapes: B images, C texts, L positions, W tower width, n vectors.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from promptsrc.clip.openai import CLIP, ResidualAttentionBlock, VisionTransformer
from promptsrc.clip.text import Texts
from promptsrc.clip.towers import CLS, Positions, vision_transformer
from promptsrc.clip.vectors import (
    NO_VECTORS,
    LowRank,
    Tokens,
    Update,
    Vectors,
    check_vectors,
    parts,
)


def encode_text(clip: CLIP, texts: Texts, prompts: Vectors = NO_VECTORS) -> Tensor:
    """Text features (C, D), not normalised."""
    return text_tokens(clip, texts, prompts)[:, 0] @ clip.text_projection


def encode_image(clip: CLIP, images: Tensor, prompts: Vectors = NO_VECTORS) -> Tensor:
    """Image features (B, D), not normalised."""
    if not isinstance(clip.visual, VisionTransformer) and not prompts:
        return clip.visual(images.to(clip.dtype))
    return image_tokens(clip, images, prompts)[:, 0] @ clip.visual.proj


def text_tokens(
    clip: CLIP, texts: Texts, prompts: Vectors = NO_VECTORS, positions: Tensor | None = None
) -> Tensor:
    """(C, k, W): the tokens at `positions` (C, k), by default at EOT."""
    blocks, count = clip.transformer.resblocks, len(texts.eot)
    check_vectors(prompts, texts.embeddings.shape[-1], len(blocks), count, texts.slots.shape[1])
    padding = clip.context_length - texts.embeddings.shape[1]
    x = F.pad(texts.embeddings, (0, 0, 0, padding)).to(clip.dtype)  # (C, 77, W)
    slots, eot, (first, joining, updates) = texts.slots, texts.eot, parts(prompts)
    if first is not None:
        x = _put(x, slots, Tokens(first))
    x = x + clip.positional_embedding.to(x.dtype)
    for i, block in enumerate(blocks):
        if i in joining:
            n, places = joining[i].vectors.shape[-2], slots.shape[1]
            if n > places:  # insert prompt positions after those that are there
                new = x.new_zeros(count, n - places, x.shape[-1])
                x = torch.cat([x[:, : 1 + places], new, x[:, 1 + places :]], 1)
                slots = torch.arange(1, n + 1, device=x.device).expand(count, -1)
                eot = eot + n - places
            x = _put(x, slots, joining[i])
        x = _run_block(block, x, updates.get(i), causal=True)
    read = eot[:, None] if positions is None else positions
    return clip.ln_final(x)[torch.arange(count)[:, None], read]


def image_tokens(
    clip: CLIP, images: Tensor, prompts: Vectors = NO_VECTORS, read: Positions = CLS
) -> Tensor:
    """(B, k, W): the tokens at the positions `read`, by default CLS."""
    visual, places = vision_transformer(clip), 0
    check_vectors(prompts, visual.class_embedding.shape[0], len(visual.transformer.resblocks))
    x = visual.conv1(images.to(clip.dtype)).flatten(2).transpose(1, 2)  # (B, L-1, W)
    cls = visual.class_embedding.to(x.dtype).expand(len(x), 1, -1)
    x = torch.cat([cls, x], 1) + visual.positional_embedding.to(x.dtype)
    first, joining, updates = parts(prompts)
    if first is not None:
        places = len(first)
        x = torch.cat([x, first.to(x.dtype).expand(len(x), -1, -1)], 1)
    x = visual.ln_pre(x)
    for i, block in enumerate(visual.transformer.resblocks):
        if i in joining:
            n = len(joining[i].vectors)
            stay = x.shape[1] - min(n, places)
            vectors = joining[i].joined(x[:, stay:]).expand(len(x), -1, -1)  # (B, n, W)
            x = torch.cat([x[:, :stay], vectors], 1)
            places = max(n, places)
        x = _run_block(block, x, updates.get(i))
    return visual.ln_post(x[:, read])


def _put(x: Tensor, slots: Tensor, tokens: Tokens) -> Tensor:
    """Tokens (n, W) or (C, n, W) at the first n of the prompt positions `slots` (C, p) of x."""
    n = tokens.vectors.shape[-2]
    at = slots[:, :n, None].expand(-1, -1, x.shape[-1])
    return x.scatter(1, at, tokens.joined(x.gather(1, at)).expand_as(at))


def _run_block(
    block: ResidualAttentionBlock, x: Tensor, update: Update | None = None, causal: bool = False
) -> Tensor:
    """x + attention(ln_1(x)), then x + mlp(ln_2(x))"""
    y, length = block.ln_1(x), x.shape[1]
    mask = None
    if causal:
        mask = torch.full((length, length), float("-inf"), dtype=y.dtype, device=y.device).triu(1)
    if update is not None:
        x = x + _updated_attention(block, y, update, mask)
    else:
        y = y.transpose(0, 1).contiguous()  # (L, B, W), in memory as CLIP has it: faster products
        x = x + block.attn(y, y, y, need_weights=False, attn_mask=mask)[0].transpose(0, 1)
    return x + block.mlp(block.ln_2(x))


def _updated_attention(
    block: ResidualAttentionBlock, y: Tensor, update: Update, mask: Tensor | None
) -> Tensor:
    """W_o softmax(q k^T / sqrt(W/H)) v; q, k, v and W_o with their updates: (B, L, W) -> same."""
    attn = block.attn

    def added(out: Tensor, low: LowRank | None, x: Tensor) -> Tensor:
        return out if low is None else out + low.of(x)

    maps = F.linear(y, attn.in_proj_weight, attn.in_proj_bias).chunk(3, -1)
    q, k, v = (
        added(out, low, y).unflatten(-1, (attn.num_heads, -1)).transpose(1, 2)  # (B, H, L, W/H)
        for out, low in zip(maps, update[:3], strict=True)
    )
    scores = q @ k.transpose(2, 3) / q.shape[-1] ** 0.5
    weights = (scores if mask is None else scores + mask).softmax(-1)
    attended = (weights @ v).transpose(1, 2).flatten(2)
    return added(attn.out_proj(attended), update.o, attended)
