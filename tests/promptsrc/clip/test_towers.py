"""Our forward against CLIP's own, and prompts inserted over all 77 positions, in float64."""

import pytest
import torch

from promptsrc.clip.frozen import build_clip
from promptsrc.clip.text import embed
from promptsrc.clip.towers import encode_image, encode_text
from promptsrc.weights.stated import Stated

TEXTS = ["a photo of a cat.", "a photo of a very long haired dachshund on a sofa.", "dog"]


@pytest.mark.parametrize("quick_gelu", [True, False])
def test_without_prompts_it_is_clip(tiny_state, quick_gelu):
    tiny = build_clip(tiny_state, Stated(quick_gelu))
    rows, images = embed(tiny, TEXTS), torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(
        encode_text(tiny, rows), tiny.encode_text(rows.tokens), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        encode_image(tiny, images), tiny.encode_image(images), atol=1e-5, rtol=0
    )


def test_positions_after_the_longest_eot_are_not_computed(tiny):
    rows = embed(tiny, TEXTS)
    assert rows.embeddings.shape[1] == int(rows.eot.max()) + 1 < 77


def textbook_text(clip, tokens, prompts):
    """All 77 positions through CLIP's own blocks, prompts written into positions 1..n."""
    x, n = clip.token_embedding(tokens), prompts[0].shape[0]
    x = (
        torch.cat([x[:, :1], prompts[0].expand(len(x), -1, -1), x[:, 1 + n :]], 1)
        + clip.positional_embedding
    )
    for i, block in enumerate(clip.transformer.resblocks):
        if 0 < i < len(prompts):
            x = torch.cat([x[:, :1], prompts[i].expand(len(x), -1, -1), x[:, 1 + n :]], 1)
        x = block(x.transpose(0, 1)).transpose(0, 1)
    return clip.ln_final(x)[torch.arange(len(x)), tokens.argmax(-1)] @ clip.text_projection


def textbook_image(clip, images, prompts):
    v, n = clip.visual, prompts[0].shape[0]
    x = v.conv1(images).flatten(2).transpose(1, 2)
    x = torch.cat([v.class_embedding.expand(len(x), 1, -1), x], 1) + v.positional_embedding
    x = v.ln_pre(torch.cat([x, prompts[0].expand(len(x), -1, -1)], 1))
    for i, block in enumerate(v.transformer.resblocks):
        if 0 < i < len(prompts):
            x = torch.cat([x[:, :-n], prompts[i].expand(len(x), -1, -1)], 1)
        x = block(x.transpose(0, 1)).transpose(0, 1)
    return v.ln_post(x[:, 0]) @ v.proj


def float64(clip):
    """Double precision throughout: CLIP's layer norm casts to float32; its parent replaces it."""
    for module in clip.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.__class__ = torch.nn.LayerNorm
    return clip.double()


@pytest.mark.parametrize("depth, n", [(1, 2), (3, 4), (4, 1)])
@pytest.mark.parametrize("tower", ["text", "image"])
def test_prompts_equal_the_textbook_in_forward_and_gradient(tiny, tower, depth, n):
    torch.manual_seed(depth)
    clip = float64(tiny)
    texts = [f"a photo of a {text}" for text in TEXTS]
    rows, images = embed(clip, texts, n), torch.randn(3, 3, 32, 32, dtype=torch.float64)
    prompts = [torch.randn(n, 128, dtype=torch.float64, requires_grad=True) for _ in range(depth)]
    if tower == "text":
        ours, plain = (
            encode_text(clip, rows, dict(enumerate(prompts))),
            textbook_text(clip, rows.tokens, prompts),
        )
    else:
        ours, plain = (
            encode_image(clip, images, dict(enumerate(prompts))),
            textbook_image(clip, images, prompts),
        )
    weights = torch.randn_like(ours)
    torch.testing.assert_close(ours, plain, atol=1e-9, rtol=0)
    gradients = torch.autograd.grad((ours * weights).sum(), prompts)
    for mine, theirs in zip(
        gradients, torch.autograd.grad((plain * weights).sum(), prompts), strict=True
    ):
        torch.testing.assert_close(mine, theirs, atol=1e-9, rtol=0)
