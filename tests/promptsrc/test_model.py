"""The student encodes its classes once where their features cannot change."""

import torch

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.precision import precision
from promptsrc.clip.text import tokenize
from promptsrc.model import PromptedCLIP
from promptsrc.prompts import DeepPrompts

NAMES = ["cat", "dog", "fire_truck"]


def test_classes_encoded_once_gives_the_same_logits(tiny):
    frozen = FrozenCLIP(tiny, precision("fp32", "cpu"))
    model = PromptedCLIP(frozen, DeepPrompts(tiny, NAMES, 2, 2, 2, 2))
    images = torch.randn(4, 3, 32, 32)
    plain, calls, encode_text = model.classify(images), [], frozen.encode_text
    frozen.encode_text = lambda *args: calls.append(1) or encode_text(*args)
    with model.classes_encoded_once():
        assert torch.equal(model.classify(images), plain.detach())
        model.classify(images)
    assert len(calls) == 1


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
