"""The learners besides `DeepPrompts`: their numbers, their start, where their vectors go, what they refuse."""

import pytest
import torch

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.openai import CLIP
from promptsrc.clip.precision import precision
from promptsrc.clip.text import tokenize
from promptsrc.prompts import ConditionalPrompts, ContextPrompts, CoupledPrompts, DeepPrompts

NAMES = ["cat", "fire_truck", "very long haired dachshund"]


def vit_b16():
    """ViT-B/16's sizes without its numbers."""
    with torch.device("meta"):
        return CLIP(512, 224, 12, 768, 16, 77, 49408, 512, 8, 12)


def resnet():
    with torch.device("meta"):
        return CLIP(64, 64, (1, 1, 1, 1), 64, None, 77, 49408, 128, 2, 2)


@pytest.mark.parametrize(
    "build, published",
    [
        (lambda clip: DeepPrompts(clip, NAMES, 4, 9, 4, 9), 46_080),
        (lambda clip: CoupledPrompts(clip, NAMES, 2, 9), 3_555_072),
        (lambda clip: ConditionalPrompts(clip, NAMES, 4), 35_360),
        (lambda clip: ContextPrompts(clip, NAMES, 16), 8_192),
        (lambda clip: ContextPrompts(clip, [*"abcdefghij"], 16, classes=10), 81_920),
        (lambda clip: DeepPrompts(clip, NAMES, 0, 0, 8, 12), 73_728),
    ],
    ids=["PromptSRC", "MaPLe", "CoCoOp", "CoOp", "CoOp CSC", "VPT"],
)
def test_as_many_numbers_are_learned_as_published(build, published):
    assert sum(p.numel() for p in build(vit_b16()).parameters()) == published


@pytest.mark.parametrize(
    "position, text", [("end", "X X X {}."), ("middle", "X {} X X."), ("front", "{} X X X.")]
)
def test_the_context_stands_where_the_position_says(tiny, position, text):
    rows = ContextPrompts(tiny, NAMES, 3, position=position).texts(tiny)
    tokens = tokenize([text.format(name.replace("_", " ")) for name in NAMES])
    length = rows.embeddings.shape[1]
    assert torch.equal(rows.embeddings, tiny.token_embedding(tokens)[:, :length])
    assert torch.equal(rows.eot, tokens.argmax(-1))
    x = int(tokenize(["X"])[0, 1])
    assert rows.slots.tolist() == [
        [i for i, token in enumerate(row) if token == x] for row in tokens.tolist()
    ]


def test_vectors_in_slots_equal_the_same_tokens_in_place(tiny):
    """With the placeholder's own embedding as vectors, the features are those of the plain text."""
    prompts = ContextPrompts(tiny, NAMES, 3, position="middle")
    prompts.ctx.data.copy_(tiny.token_embedding(tokenize(["X"])[0, 1]).expand(3, -1))
    model = prompts.student(FrozenCLIP(tiny, precision("fp32", "cpu")))
    plain = tiny.encode_text(tokenize([f"X {name.replace('_', ' ')} X X." for name in NAMES]))
    expected = torch.nn.functional.normalize(plain, dim=-1)
    torch.testing.assert_close(model.class_features(), expected, atol=1e-5, rtol=0)


def test_words_make_one_context_for_all_classes_of_their_own_number(tiny):
    prompts = ContextPrompts(tiny, NAMES, 16, "a photo of a", classes=5)
    words = tiny.token_embedding(tokenize(["a photo of a"])[0, 1:5])
    assert torch.equal(prompts.ctx.data, words) and prompts.prefix == "a photo of a"
    assert ConditionalPrompts(tiny, NAMES, 16, "a_photo").ctx.shape == (2, 128)


def test_every_image_has_class_features_of_its_own(tiny):
    torch.manual_seed(0)
    prompts = ConditionalPrompts(tiny, NAMES, 2)
    for parameter in prompts.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model = prompts.student(FrozenCLIP(tiny, precision("fp32", "cpu")))
    assert not model.classes_are_fixed
    encoded = model.encode(torch.randn(3, 3, 32, 32))
    assert encoded.text.shape == (3, 3, 64)
    weight1, bias1, weight2, bias2 = prompts.meta_net.parameters()
    for image, text, logits in zip(*encoded, strict=True):
        shift = weight2 @ torch.relu(weight1 @ image + bias1) + bias2
        fixed = ContextPrompts(tiny, NAMES, 2)
        fixed.ctx.data.copy_(prompts.ctx + shift)
        expected = fixed.student(model.frozen).class_features()
        torch.testing.assert_close(text, expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(logits, tiny.logit_scale.exp() * text @ image, atol=1e-3, rtol=0)


def test_image_vectors_are_projections_of_text_vectors_of_their_layer(tiny):
    prompts = CoupledPrompts(tiny, NAMES, 2, 3, "a photo of a")
    deep = prompts.prompt_learner.compound_prompt_projections
    assert torch.equal(deep[0].weight, deep[1].weight) and deep[0].weight is not deep[1].weight
    assert not torch.equal(deep[0].weight, prompts.prompt_learner.proj.weight)
    text, image = prompts.text, prompts.image
    assert torch.equal(text[0].data, tiny.token_embedding(tokenize(["a photo"])[0, 1:3]))
    assert len(text) == len(image) == 3
    torch.testing.assert_close(image[2], text[2] @ deep[1].weight.t() + deep[1].bias)


def test_text_that_is_not_learned_is_encoded_once(tiny):
    frozen = FrozenCLIP(tiny, precision("fp32", "cpu"))
    model, calls, encode_text = (
        DeepPrompts(tiny, NAMES, 0, 0, 2, 3).student(frozen),
        [],
        frozen.encode_text,
    )
    frozen.encode_text = lambda *args: calls.append(1) or encode_text(*args)
    for _ in range(3):
        model.encode(torch.randn(2, 3, 32, 32)).logits.sum().backward()
    assert len(calls) == 1
    expected = tiny.encode_text(
        tokenize([f"a photo of a {name.replace('_', ' ')}." for name in NAMES])
    )
    torch.testing.assert_close(
        model.class_features(), torch.nn.functional.normalize(expected, dim=-1), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize(
    "build, message",
    [
        (
            lambda clip: ContextPrompts(clip, NAMES, 4, position="top"),
            "CLASS_TOKEN_POSITION is 'top'; choose one of end, middle",
        ),
        (lambda clip: ContextPrompts(clip, NAMES, 0), "N_CTX is 0; it must be at least 1"),
        (
            lambda clip: ContextPrompts(clip, NAMES, 4, "a photograph-like thing"),
            "has 3 words but 5 tokens",
        ),
        (lambda clip: ConditionalPrompts(clip, NAMES, 0), "N_CTX is 0"),
        (
            lambda clip: CoupledPrompts(clip, NAMES, 2, 0),
            r"2 vectors \(N_CTX\), 0 layers \(PROMPT_DEPTH\); both must",
        ),
        (
            lambda clip: CoupledPrompts(clip, NAMES, 2, 3, "photo"),
            "CTX_INIT 'photo' has 1 tokens for 2 context vectors",
        ),
    ],
)
def test_impossible_prompts_are_refused(tiny, build, message):
    with pytest.raises(ValueError, match=message):
        build(tiny)


@pytest.mark.parametrize(
    "build",
    [
        lambda clip: CoupledPrompts(clip, NAMES, 2, 2),
        lambda clip: DeepPrompts(clip, NAMES, 0, 0, 2, 2),
    ],
)
def test_image_prompts_for_a_resnet_are_refused(build):
    with pytest.raises(
        ValueError, match="image prompts need a ViT backbone .*; this one is a ResNet"
    ):
        build(resnet())


def test_text_prompts_for_a_resnet_are_not():
    assert [p.shape for p in DeepPrompts(resnet(), NAMES, 2, 2, 0, 0).text.values()] == [
        (2, 128)
    ] * 2
