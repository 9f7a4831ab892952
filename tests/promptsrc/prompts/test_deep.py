"""Deep prompts: checkpoint keys, start, and what is refused."""

import pytest
import torch

from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import tokenize
from promptsrc.prompts import CoupledPrompts, DeepPrompts

NAMES = ["cat", "dog", "fire_truck"]


def test_state_dict_has_exactly_the_learned_tensors(tiny):
    prompts = DeepPrompts(tiny, NAMES, 4, 3, 2, 9, "a photo of a")
    assert {name: tuple(value.shape) for name, value in prompts.state_dict().items()} == {
        "prompt_learner.ctx": (4, 128),
        "text_encoder.transformer.resblocks.1.VPT_shallow": (4, 128),
        "text_encoder.transformer.resblocks.2.VPT_shallow": (4, 128),
        "image_encoder.VPT": (2, 128),
        "image_encoder.transformer.resblocks.1.VPT_shallow": (2, 128),
        "image_encoder.transformer.resblocks.2.VPT_shallow": (2, 128),
        "image_encoder.transformer.resblocks.3.VPT_shallow": (2, 128),
    }


def test_context_starts_from_words_only_up_to_four_vectors(tiny):
    words = tiny.token_embedding(tokenize(["a photo of a"])[0, 1:5])
    torch.testing.assert_close(
        DeepPrompts(tiny, NAMES, 4, 1, 0, 0, "a photo of a").text[0].data, words
    )
    longer = DeepPrompts(tiny, NAMES, 6, 1, 0, 0, "a photo of a")
    assert longer.prefix == "X X X X X X"
    assert longer.text[0].std().item() == pytest.approx(0.02, rel=0.2)


@pytest.mark.parametrize(
    "settings, message",
    [
        ((4, -1, 0, 0), "neither may be negative"),
        (
            (0, 3, 0, 0),
            r"text prompts: 0 vectors .N_CTX_TEXT., 3 layers deep .*; set the vectors, or depth 0",
        ),
        ((4, 1, 0, 0, "two words"), "CTX_INIT 'two words' has 2 tokens for 4 context vectors"),
    ],
)
def test_prompts_that_cannot_be_are_refused(tiny, settings, message):
    with pytest.raises(ValueError, match=message):
        DeepPrompts(tiny, NAMES, *settings)


def resnet():
    with torch.device("meta"):
        return CLIP(64, 64, (1, 1, 1, 1), 64, None, 77, 49408, 128, 2, 2)


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
