"""What each value of PREC computes in."""

import pytest
import torch

from promptsrc.clip.frozen import FrozenCLIP, build_clip
from promptsrc.clip.linear import linear
from promptsrc.clip.precision import precision
from promptsrc.model import PromptedCLIP
from promptsrc.prompts import DeepPrompts

NAMES = ["cat", "dog", "fire_truck"]


@pytest.mark.parametrize(
    "prec, towers, tolerance",
    [
        ("fp32", torch.float32, 0.0),
        ("fp16", torch.float16, 0.1),
        ("bf16", torch.bfloat16, 1.0),
        ("amp", torch.float32, 0.1),
    ],
)
def test_every_precision_computes_near_float32_with_float32_heads(
    tiny_state, prec, towers, tolerance, monkeypatch
):
    products = []

    def noted(*args, **scales):
        out = linear(*args, **scales)
        products.append(out.dtype)
        return out

    monkeypatch.setattr("promptsrc.clip.towers.linear", noted)

    def logits(name):
        torch.manual_seed(0)
        frozen = FrozenCLIP(build_clip(tiny_state), precision(name, "cpu", half_on_cpu=True))
        prompts = DeepPrompts(frozen.clip, NAMES, 2, 2, 2, 2, "a photo")
        frozen.cast()
        products.clear()
        student = PromptedCLIP(frozen, prompts).encode(torch.randn(3, 3, 32, 32))
        student.logits.sum().backward()
        assert (
            {p.grad.dtype for p in prompts.parameters()}
            == {torch.float32}
            == {t.dtype for t in student}
        )
        return student.logits, {*products}, frozen.clip.visual.conv1.weight.dtype

    (ours, activations, weights), (exact, _, _) = logits(prec), logits("fp32")
    assert weights == towers
    assert activations == {{"amp": torch.float16}.get(prec, towers)}
    assert (ours - exact).abs().max().item() <= tolerance


def test_fp16_on_a_cpu_is_fp32_and_says_so(capsys):
    assert precision("fp16", "cpu").towers == torch.float32
    assert "computed as fp32" in capsys.readouterr().out


def test_an_unknown_precision_names_the_choices():
    with pytest.raises(ValueError, match="PREC is 'fp8'; choose one of fp32, fp16, amp, bf16"):
        precision("fp8", "cpu")
