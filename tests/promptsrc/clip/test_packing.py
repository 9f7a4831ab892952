"""Packed texts against all 77 positions through CLIP's own blocks, in float64: forward and gradient."""

import random

import pytest
import torch

from promptsrc.clip.frozen import build_clip
from promptsrc.clip.packing import Packing
from promptsrc.clip.text import TextRows, embed
from promptsrc.clip.towers import encode_text
from tests import tiny_clip
from tests.promptsrc.clip.test_towers import float64

WORDS = [
    "cat",
    "dog",
    "fire",
    "truck",
    "traffic",
    "xylophonist",
    "of",
]  # of one token and of several


def plain(clip, rows, prompts):
    """Every text on its own, padding included; vectors (n, W) or (C, n, W) at 1..n or at the slots."""
    x = clip.token_embedding(rows.tokens)
    x[:, : rows.embeddings.shape[1]] = rows.embeddings
    count = len(x)
    for i, block in enumerate(clip.transformer.resblocks):
        if i < len(prompts):
            n = prompts[i].shape[-2]
            slots = torch.arange(1, n + 1).expand(count, n) if rows.slots is None else rows.slots
            vectors = prompts[i].expand(count, n, -1)
            x = x.scatter(1, slots[..., None].expand_as(vectors), vectors)
        if i == 0:
            x = x + clip.positional_embedding
        x = block(x.transpose(0, 1)).transpose(0, 1)
    return clip.ln_final(x)[torch.arange(count), rows.eot] @ clip.text_projection


def texts(rng, prefix):
    """1 to 9 of them, of 1 to 7 words behind the prefix."""
    return [
        " ".join([prefix, *rng.choices(WORDS, k=rng.randint(1, 7))]) + "."
        for _ in range(rng.randint(1, 9))
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["shared", "fewer than the words", "of its own", "elsewhere"])
def test_it_equals_the_plain_way(kind, seed):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    layers = rng.randint(1, 4)
    clip = float64(build_clip(tiny_clip.tiny_clip_state_dict(seed, text_layers=layers)))
    rows = embed(clip, texts(rng, "a photo of a"))
    n = 2 if kind == "fewer than the words" else 4
    depth = rng.randint(1, layers)
    shape = (len(rows.eot), n, 128) if kind == "of its own" else (n, 128)
    prompts = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in range(depth)]
    if kind == "elsewhere":
        slots = torch.stack(
            [1 + torch.randperm(int(eot) - 1)[:n].sort().values for eot in rows.eot]
        )
        rows = TextRows(rows.tokens, rows.eot, rows.embeddings, slots)
    ours, theirs = encode_text(clip, rows, prompts), plain(clip, rows, prompts)
    torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=0)
    weights = torch.randn_like(ours)
    gradients = torch.autograd.grad((ours * weights).sum(), prompts)
    for mine, other in zip(
        gradients, torch.autograd.grad((theirs * weights).sum(), prompts), strict=True
    ):
        torch.testing.assert_close(mine, other, atol=1e-9, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_texts_without_prompts_share_what_they_begin_with(seed):
    clip = float64(build_clip(tiny_clip.tiny_clip_state_dict(seed)))
    rows = embed(clip, texts(random.Random(seed), "itap of my"))
    torch.testing.assert_close(encode_text(clip, rows), plain(clip, rows, ()), atol=1e-9, rtol=0)
    assert rows.packing().shared >= 4 + (len(rows.eot) == 1)


def test_a_row_stands_for_each_token_that_matters():
    eot = torch.tensor(
        [7, 5, 7, 6]
    )  # SOS and two vectors shared, so 5, 3, 5 and 4 tokens of their own
    packing = Packing.of(eot, 3, torch.tensor([[1, 2]]).expand(4, 2), apart=False)
    assert [(group.texts, group.own) for group in packing.groups] == [(1, 3), (1, 4), (2, 5)]
    assert packing.text.tolist() == [0] * 3 + [1] * 3 + [3] * 4 + [0] * 5 + [2] * 5
    assert packing.position.tolist() == [0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 3, 4, 5, 6, 7, 3, 4, 5, 6, 7]
    assert packing.read.tolist() == [5, 9, 14, 19]
    assert packing.place.tolist() == [2, 0, 3, 1]
    assert (packing.slots.tolist(), packing.vectors.tolist()) == ([1, 2], [0, 1])


def test_the_shared_rows_are_computed_once_and_nothing_behind_eot(tiny):
    rows = embed(tiny, ["a photo of a cat.", "a photo of a dog.", "a photo of a fire truck."])
    seen = []
    for block in tiny.transformer.resblocks:
        block.ln_2.register_forward_hook(lambda *args: seen.append(len(args[2])))
    encode_text(tiny, rows, [torch.randn(4, 128)])
    assert seen == [5 + 3 + 3 + 4] * 3 + [3]  # in the last block the three EOTs
