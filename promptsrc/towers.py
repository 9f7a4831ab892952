"""CLIP's two towers, run block by block over CLIP's own modules, with prompts put in between.

Nothing of CLIP is copied or replaced: the modules that `clip` builds hold the weights, the functions here say in which
order they run. A plain CLIP is the same call with no prompts, which is how student and teacher share one model.

Shapes: B sequences, L positions, W tower width, H heads, n vectors a layer, D embedding size.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from clip.model import CLIP, VisionTransformer
from torch import Tensor, nn

from promptsrc.text import TextRows


def encode_text(clip: CLIP, rows: TextRows, prompts: Sequence[Tensor] = ()) -> Tensor:
    """Text features, not normalised.

    Args:
        rows: the texts, B of them.
        prompts: vectors (n, W) or (B, n, W) of block 0, 1, ...; they take positions 1..n (or the slots of the texts) on
            entry to their block. Those of block 0 get a position embedding like every token, deeper ones do not.
            Behind the last prompted block their positions go on as ordinary tokens.

    Returns:
        (B, D) in the towers' precision.
    """
    x = rows.embeddings.to(clip.dtype)
    if prompts:
        x = _put_in(x, prompts[0], rows.slots)
    x = x + clip.positional_embedding[: x.shape[1]]
    for i, block in enumerate(clip.transformer.resblocks):
        if 0 < i < len(prompts):
            x = _put_in(x, prompts[i], rows.slots)
        x = _run_block(block, x, causal=True)  # (B, L, W)
    read = x[torch.arange(len(x), device=x.device), rows.eot]  # (B, W)
    return clip.ln_final(read) @ clip.text_projection


def encode_image(clip: CLIP, images: Tensor, prompts: Sequence[Tensor] = ()) -> Tensor:
    """Image features, not normalised.

    Args:
        images: (B, 3, R, R), normalised, of the backbone's resolution R.
        prompts: vectors (n, W) of block 0, 1, ...; those of block 0 are appended behind CLS and patches, before `ln_pre`
            and without position embedding; deeper ones take the last n positions on entry to their block.

    Returns:
        (B, D) in the towers' precision, read at CLS.

    Raises:
        ValueError: prompts for a backbone that is not a vision transformer.
    """
    visual = clip.visual
    images = images.to(clip.dtype)
    if not isinstance(visual, VisionTransformer):
        if prompts:
            raise ValueError("image prompts need a ViT backbone; this one is a ResNet")
        return visual(images)
    patches = visual.conv1(images).flatten(2).transpose(1, 2)  # (B, L-1, W)
    cls = visual.class_embedding.expand(len(patches), 1, -1)
    x = torch.cat([cls.to(patches.dtype), patches], 1) + visual.positional_embedding  # (B, L, W)
    if prompts:
        x = _append(x, prompts[0])  # (B, L+n, W)
    x = visual.ln_pre(x)
    for i, block in enumerate(visual.transformer.resblocks):
        if 0 < i < len(prompts):
            x = _append(x[:, : -prompts[i].shape[-2]], prompts[i])
        x = _run_block(block, x, causal=False)
    return visual.ln_post(x[:, 0]) @ visual.proj


def _put_in(x: Tensor, vectors: Tensor, slots: Tensor | None) -> Tensor:
    """Positions 1..n of every sequence, or its slots (B, n), become `vectors`."""
    n, vectors = vectors.shape[-2], _for_each(x, vectors)  # (B, n, W)
    if slots is not None:
        return x.scatter(1, slots[..., None].expand_as(vectors), vectors)
    return torch.cat([x[:, :1], vectors, x[:, 1 + n :]], 1)


def _append(x: Tensor, vectors: Tensor) -> Tensor:
    return torch.cat([x, _for_each(x, vectors)], 1)


def _for_each(x: Tensor, vectors: Tensor) -> Tensor:
    """`vectors` in x's precision, once a sequence: (n, W) or (B, n, W) -> (B, n, W)."""
    return vectors.to(x.dtype).expand(len(x), -1, -1)


def _run_block(block: nn.Module, x: Tensor, causal: bool) -> Tensor:
    x = x + _attention(block.attn, block.ln_1(x), causal)
    return x + block.mlp(block.ln_2(x))


def _attention(attn: nn.MultiheadAttention, x: Tensor, causal: bool) -> Tensor:
    """What `attn(x, x, x)` computes, through the fused kernel: (B, L, W) -> (B, L, W)."""
    b, length, width = x.shape
    qkv = F.linear(x, attn.in_proj_weight, attn.in_proj_bias)  # (B, L, 3W)
    q, k, v = qkv.view(b, length, 3, attn.num_heads, -1).permute(2, 0, 3, 1, 4)  # each (B, H, L, W/H)
    out = F.scaled_dot_product_attention(q, k, v, is_causal=causal)  # (B, H, L, W/H)
    return attn.out_proj(out.transpose(1, 2).reshape(b, length, width))
