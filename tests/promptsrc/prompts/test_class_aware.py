"""TCP's vectors: shared at the input, a class's own deeper, and the shortcuts beside them."""

import pytest
import torch

from promptsrc.clip import plain
from promptsrc.clip.frozen import FrozenCLIP, build_clip
from promptsrc.clip.precision import precision
from promptsrc.clip.text import tokenize
from promptsrc.model import unit
from promptsrc.prompts import ClassAwarePrompts
from tests.promptsrc.clip.test_towers import float64
from tests.tiny_clip import tiny_clip_state_dict

NAMES = ["cat", "fire_truck", "very long haired dachshund"]
TEXT, FROZEN = "X X X X {}, a type of pet.", "a photo of a {}, a type of pet."


@pytest.fixture(scope="module")
def nine_blocks():
    return build_clip(tiny_clip_state_dict(3, text_layers=9))


def test_the_texts_and_what_the_net_reads(nine_blocks):
    torch.manual_seed(0)
    prompts = ClassAwarePrompts(nine_blocks, NAMES, TEXT, FROZEN)
    spoken = [name.replace("_", " ") for name in NAMES]
    texts = prompts.texts(nine_blocks)
    assert torch.equal(texts.tokens, tokenize([TEXT.format(name) for name in spoken]))
    assert texts.slots.tolist() == [[1, 2, 3, 4]] * 3
    plain_features = nine_blocks.encode_text(tokenize([FROZEN.format(name) for name in spoken]))
    torch.testing.assert_close(prompts.frozen, unit(plain_features), atol=1e-5, rtol=0)
    net, vectors = prompts.meta_net, prompts.text
    assert [*vectors] == [0, 8] and vectors[8].shape == (3, 4, 128)
    first = net.linear2(net.gelu(net.linear1(prompts.frozen)))[:, :128]
    torch.testing.assert_close(vectors[8][:, 0], first)
    assert [*prompts.state_dict()] == ["ctx", *(f"meta_net.{k}" for k in net.state_dict())]


def test_shortcuts_equal_the_plain_tower(nine_blocks):
    torch.manual_seed(0)
    clip = float64(build_clip(tiny_clip_state_dict(3, text_layers=9)))
    prompts = ClassAwarePrompts(nine_blocks, NAMES, TEXT, FROZEN).double()
    found = {}
    for name, forward in {"plain": {"forward": plain}, "ours": {}}.items():
        frozen = FrozenCLIP(clip, precision("fp32", "cpu"), **forward)
        features = frozen.encode_text(prompts.texts(clip), prompts.text)
        gradients = torch.autograd.grad(features.square().sum(), [*prompts.parameters()])
        found[name] = [features, *gradients]
    for ours, expected in zip(found["ours"], found["plain"], strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("blocks, at", [(4, 2), (8, 5), (9, 8), (12, 8)])
def test_where_the_vectors_enter(blocks, at):
    clip = build_clip(tiny_clip_state_dict(3, text_layers=blocks))
    prompts = ClassAwarePrompts(clip, ["cat"], TEXT, FROZEN)
    assert prompts.block == at
    assert sum(p.numel() for p in prompts.parameters()) == 4 * 128 + 16 * 65 + 512 * 17
