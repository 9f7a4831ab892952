"""How texts are packed; that packing changes nothing is in test_plain.py."""

import random

import pytest
import torch

from promptsrc.clip.frozen import build_clip
from promptsrc.clip.packing import Packing
from promptsrc.clip.plain import encode_text as plain
from promptsrc.clip.text import INPUT, embed
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


def texts(rng, prefix):
    """1 to 9 of them, of 1 to 7 words after the prefix."""
    return [
        " ".join([prefix, *rng.choices(WORDS, k=rng.randint(1, 7))]) + "."
        for _ in range(rng.randint(1, 9))
    ]


@pytest.mark.parametrize("seed", range(3))
def test_texts_without_prompts_share_what_they_begin_with(seed):
    clip = float64(build_clip(tiny_clip.tiny_clip_state_dict(seed)))
    rows = embed(clip, texts(random.Random(seed), "itap of my"))
    torch.testing.assert_close(encode_text(clip, rows), plain(clip, rows), atol=1e-9, rtol=0)
    assert rows.stages({})[INPUT][0].shared >= 4 + (len(rows.eot) == 1)


def test_each_token_that_matters_has_one_row():
    # SOS and two prompts are shared, so 5, 3, 5 and 4 tokens are the texts' own
    packing = Packing.of(torch.tensor([7, 5, 7, 6]), 3, torch.tensor([[1, 2]]).expand(4, 2))
    assert packing.text.tolist() == [0] * 3 + [1] * 3 + [3] * 4 + [0] * 5 + [2] * 5
    assert packing.position.tolist() == [0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 3, 4, 5, 6, 7, 3, 4, 5, 6, 7]
    assert packing.eot_rows.tolist() == [5, 9, 14, 19]
    assert packing.back.tolist() == [2, 0, 3, 1]
    assert packing.prompt_rows.tolist() == [[[1, 2]]]
    assert packing.rows(torch.arange(4), torch.tensor([7, 1, 3, 6])).tolist() == [14, 1, 15, 9]


def test_to_attend_each_text_lies_beside_the_shared_rows_padded_to_the_longest():
    packing = Packing.of(torch.tensor([4, 3]), 3, torch.tensor([[1, 2]]).expand(2, 2))
    assert packing.layout.tolist() == [[0, 1, 2, 3, 3], [0, 1, 2, 4, 5]]  # text 1 is the shorter
    assert packing.own_places.tolist() == [0, 2, 3]
    k = v = torch.eye(6, dtype=torch.float64)  # what a row attends to shows up as its own number
    whole = packing.attend(torch.zeros(6, 6).double(), k, v, heads=1)
    assert whole.gt(0).tolist() == [
        [True, False, False, False, False, False],
        [True, True, False, False, False, False],
        [True, True, True, False, False, False],
        [True, True, True, True, False, False],  # EOT of text 1
        [True, True, True, False, True, False],
        [True, True, True, False, True, True],  # EOT of text 0
    ]
    last = packing.attend(torch.zeros(2, 6).double(), k, v, heads=1)
    torch.testing.assert_close(last, whole[packing.eot_rows])


def test_rows_move_to_a_packing_that_shares_less_and_holds_more_prompts():
    eot = torch.tensor([5, 4])
    before = Packing.of(eot, 3, torch.tensor([[1, 2]]).expand(2, 2))
    after = Packing.of(eot + 1, 1, torch.tensor([[1, 2, 3]]).expand(2, 3))
    moved = before.rows_of(after)
    tokens = list(zip(after.text.tolist(), after.position.tolist(), moved.tolist(), strict=True))
    for text, position, row in tokens:
        if position != 3:  # the new prompt, about to be filled
            old = position - (position > 3)
            assert before.position[row] == old
            assert old < 3 or before.text[row] == text


def test_the_shared_rows_are_computed_once_and_nothing_after_eot(tiny):
    rows = embed(tiny, ["a photo of a cat.", "a photo of a dog.", "a photo of a fire truck."], 4)
    seen = []
    for block in tiny.transformer.resblocks:
        block.ln_2.register_forward_hook(lambda *args: seen.append(len(args[2])))
    encode_text(tiny, rows, {0: torch.randn(4, 128)})
    assert seen == [5 + 3 + 3 + 4] * 3 + [3]  # in the last block the three EOTs
