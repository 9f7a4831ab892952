"""A learned context: its place among the words, and its start."""

import pytest
import torch

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.precision import precision
from promptsrc.clip.text import tokenize
from promptsrc.prompts import ConditionalPrompts, ContextPrompts

NAMES = ["cat", "fire_truck", "very long haired dachshund"]


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
