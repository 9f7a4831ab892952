"""Classes in chunks: the same features and gradients, in less memory."""

import pytest
import torch

from promptsrc.clip import chunks
from promptsrc.clip.chunks import STORED, encode_text_in_chunks, texts_that_fit
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.precision import precision
from promptsrc.clip.text import INPUT, embed
from promptsrc.clip.towers import encode_text
from promptsrc.clip.vectors import Tokens
from tests.promptsrc.clip.test_towers import float64

NAMES = ["cat", "fire truck", "very old dog", "dog", "traffic light", "lamp", "wolf of the sea"] * 3


def prompts_of(*shape):
    torch.manual_seed(0)
    return {i: torch.randn(shape, dtype=torch.float64, requires_grad=True) for i in range(3)}


@pytest.mark.parametrize("at_once", [1, 4, 20])
@pytest.mark.parametrize("shape", [(4, 128), (len(NAMES), 4, 128)])
def test_features_and_gradients_are_those_of_all_at_once(tiny, at_once, shape):
    rows, prompts = (
        embed(float64(tiny), [f"a photo of a {name}." for name in NAMES], 4),
        prompts_of(*shape),
    )
    vectors = prompts | {2: Tokens(prompts[2], 0.5)}
    whole, parts = (
        encode_text(tiny, rows, vectors),
        encode_text_in_chunks(tiny, rows, vectors, at_once),
    )
    torch.testing.assert_close(parts, whole, atol=1e-12, rtol=0)
    weights = torch.randn_like(whole)
    gradients = torch.autograd.grad((parts * weights).sum(), [*prompts.values()])
    for mine, plain in zip(
        gradients, torch.autograd.grad((whole * weights).sum(), [*prompts.values()]), strict=True
    ):
        torch.testing.assert_close(mine, plain, atol=1e-9, rtol=0)


def kept_bytes(work, frozen):
    """Bytes that autograd keeps for the backward of work(): each storage once, no weights."""
    weights = {p.untyped_storage().data_ptr() for p in frozen.parameters()}
    kept = {}

    def note(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes(), tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = work()
    assert result.requires_grad
    return sum(size for pointer, (size, _) in kept.items() if pointer not in weights)


def test_the_estimate_is_near_what_is_kept_and_chunks_keep_a_fraction(tiny, monkeypatch):
    rows, prompts = embed(tiny, [f"a photo of a {name}." for name in NAMES], 4), prompts_of(4, 128)
    whole = kept_bytes(lambda: encode_text(tiny, rows, prompts), tiny)
    tokens = len(rows.stages(prompts)[INPUT][0].text)
    assert 0.8 < whole / (STORED * 128 * 4 * 4 * tokens) < 1.2  # 4 blocks, 4 bytes
    assert kept_bytes(lambda: encode_text_in_chunks(tiny, rows, prompts, 4), tiny) < whole / 20
    monkeypatch.setattr(chunks, "memory_of", lambda device: 2 * whole)
    assert (
        1 < texts_that_fit(tiny, rows) < len(NAMES)
    )  # counted by the longest text: on the safe side
    assert kept_bytes(lambda: encode_text_in_chunks(tiny, rows, prompts), tiny) < whole / 20


def test_where_memory_is_plenty_all_are_encoded_at_once(tiny):
    assert texts_that_fit(tiny, embed(tiny, ["a photo of a cat."])) > 1000


def test_the_limit_of_a_run_holds(tiny):
    rows, seen = embed(tiny, [f"a photo of a {name}." for name in NAMES]), []
    tiny.ln_final.register_forward_hook(lambda *args: seen.append(len(args[2])))
    FrozenCLIP(tiny, precision("fp32", "cpu"), texts_at_once=8).encode_text(rows)
    assert seen == [8, 8, 5]


def test_a_negative_limit_is_refused(tiny):
    with pytest.raises(ValueError, match="TEXTS_AT_ONCE is -1; give a number above 0, or 0"):
        FrozenCLIP(tiny, precision("fp32", "cpu"), texts_at_once=-1)
