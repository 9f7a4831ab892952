"""ProGrad's context: zeros, then words, then what they leave over."""

import torch

from promptsrc.clip.text import tokenize
from promptsrc.prompts import ContextPrompts, PaddedPrompts

NAMES = ["cat", "fire_truck"]


def test_zeros_come_before_the_words_and_left_over_tokens_stay_in_the_text(tiny):
    prompts = PaddedPrompts(tiny, NAMES, 10, "a type of pet, a photo of a")  # 8 words, 9 tokens
    words = tiny.token_embedding(tokenize(["a type of pet, a photo of a"])[0, 1:9])
    assert torch.equal(prompts.ctx.data, torch.cat([torch.zeros(2, 128), words]))
    texts = prompts.texts(tiny)
    expected = [f"X X a type of pet, a photo of a {name}." for name in ("cat", "fire truck")]
    assert torch.equal(texts.tokens, tokenize(expected))
    assert texts.slots.tolist() == [[*range(1, 11)]] * 2


def test_as_many_words_as_vectors_need_no_zeros(tiny):
    words = PaddedPrompts(tiny, NAMES, 4, "a photo of a")
    assert torch.equal(words.ctx, ContextPrompts(tiny, NAMES, 4, "a photo of a").ctx)
    assert words.prefix == "a photo of a"


def test_without_words_it_is_coops(tiny):
    assert PaddedPrompts(tiny, NAMES, 3, classes=2, position="front").ctx.shape == (2, 3, 128)
