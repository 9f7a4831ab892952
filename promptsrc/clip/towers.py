"""CLIP's two towers, run block by block over CLIP's own modules, with prompts put in between.

Nothing of CLIP is copied or replaced: the modules that `clip` builds hold the weights, the functions here say in which
order they run. A plain CLIP is the same call with no prompts, which is how student and teacher share one model. What does not change the
result is not computed: texts are packed (see `promptsrc.clip.packing`), the last block runs only for the token that is read, and
image prompts that another layer's replace give that one block keys and values, nothing more.

Shapes: B sequences, L positions, R rows of packed texts, W tower width, H heads, n vectors a layer, D embedding size.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from promptsrc.clip.openai import CLIP, QuickGELU, VisionTransformer
from promptsrc.clip.text import TextRows

# queries, keys, values, number of heads -> what is attended to
Attend = Callable[[Tensor, Tensor, Tensor, int], Tensor]
CLS = (slice(None), slice(1))  # index of (B, L, W)
GELU_SLOPE = 1.702  # QuickGELU: x sigmoid(1.702 x)


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
    n, apart = (prompts[0].shape[-2], prompts[0].dim() == 3) if prompts else (0, False)
    packing = rows.packing(n, apart)
    x = rows.embeddings[packing.text, packing.position].to(clip.dtype)  # (R, W)
    blocks = clip.transformer.resblocks
    for i, block in enumerate(blocks):
        if i < len(prompts):
            x = packing.put(x, prompts[i])
        if i == 0:
            x = x + clip.positional_embedding[packing.position]
        x = _run_block(block, x, packing.attend, packing.read if block is blocks[-1] else None)
    return (clip.ln_final(x) @ clip.text_projection)[packing.place]


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
    cls = visual.class_embedding.expand(patches.shape[0], 1, -1)
    x = torch.cat([cls.to(patches.dtype), patches], 1) + visual.positional_embedding  # (B, L, W)
    x = visual.ln_pre(x)
    vectors = [
        visual.ln_pre(v) if i == 0 else v for i, v in enumerate(v.to(x.dtype) for v in prompts)
    ]
    blocks = visual.transformer.resblocks
    for i, block in enumerate(blocks):
        if i + 1 == len(vectors):
            x = torch.cat([x, vectors[i].expand(x.shape[0], -1, -1)], 1)  # to stay: (B, L+n, W)
        replaced = vectors[i] if i + 1 < len(vectors) else None
        x = _run_block(block, x, _attend, CLS if block is blocks[-1] else None, replaced)
    return visual.ln_post(x[:, 0]) @ visual.proj


def _run_block(
    block: nn.Module,
    x: Tensor,
    attend: Attend,
    read: Tensor | tuple | None = None,
    beside: Tensor | None = None,
) -> Tensor:
    """What CLIP's block computes.

    read: index of the tokens that are wanted, all where None. beside: tokens (n, W) at the end of every sequence in x
    (B, L, W), attended to and not returned.
    """
    attn, y = block.attn, block.ln_1(x)
    weight, bias, width = attn.in_proj_weight, attn.in_proj_bias, x.shape[-1]
    if read is None:
        q, k, v = F.linear(y, weight, bias).chunk(3, -1)
    else:
        x, q = x[read], F.linear(y[read], weight[:width], bias[:width])
        k, v = F.linear(y, weight[width:], bias[width:]).chunk(2, -1)
    if beside is not None:
        more = (
            F.linear(block.ln_1(beside), weight[width:], bias[width:])
            .expand(x.shape[0], -1, -1)
            .chunk(2, -1)
        )
        k, v = (torch.cat(both, 1) for both in zip((k, v), more, strict=True))  # (B, L+n, W)
    x = x + attn.out_proj(attend(q, k, v, attn.num_heads))
    return _add_mlp(block.mlp, x, block.ln_2(x))


def _attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Every token to all of its sequence: (B, L, W), keys and values (B, L', W) -> (B, L, W)."""
    q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))  # (B, H, L, W/H)
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def _add_mlp(mlp: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """x + mlp(y). With a sigmoid(s a) = silu(s a) / s, QuickGELU is one kernel with one kept activation, and the products beside it
    take in the factors."""
    if not isinstance(mlp.gelu, QuickGELU):
        return x + mlp(y)
    s, inner, outer = GELU_SLOPE, mlp.c_fc, mlp.c_proj
    hidden = torch.addmm(inner.bias, y.flatten(0, -2), inner.weight.t(), beta=s, alpha=s)
    out = torch.addmm(outer.bias, F.silu(hidden), outer.weight.t(), beta=s)
    return torch.add(x, out.view_as(x), alpha=1 / s)
