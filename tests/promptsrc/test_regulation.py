"""Losses, aggregation, prompts, text and precision against formulas written out."""

import math

import numpy as np
import pytest
import torch

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.precision import precision
from promptsrc.clip.text import tokenize
from promptsrc.clip.zeroshot import ensemble_features
from promptsrc.model import Encoded, PromptedCLIP, unit
from promptsrc.prompts import DeepPrompts
from promptsrc.regulation import (
    GaussianAggregation,
    consistency_losses,
    diverse_features,
    gaussian_weights,
    kl_divergence,
)
from promptsrc.templates import TEACHER

NAMES = ["cat", "dog", "fire_truck"]


def test_kl_is_the_mean_over_elements_of_teacher_against_student():
    student, teacher = torch.randn(3, 5).double(), torch.randn(3, 5).double()
    p, q = teacher.softmax(-1), student.softmax(-1)
    expected = sum((p * (p.log() - q.log())).flatten().tolist()) / 15
    assert kl_divergence(student, teacher).item() == pytest.approx(expected, abs=1e-12)
    assert kl_divergence(teacher, student).item() != pytest.approx(expected, abs=1e-6)


def test_consistency_losses_have_their_weights_and_vanish_for_equals():
    a = Encoded(torch.randn(4, 8), torch.randn(3, 8), torch.randn(4, 3))
    b = Encoded(torch.randn(4, 8), torch.randn(3, 8), torch.randn(4, 3))
    losses = consistency_losses(a, b, lambda_1=10.0, lambda_2=25.0)
    assert losses["loss_scl_text"].item() == pytest.approx(
        25 * (a.text - b.text).abs().mean().item(), rel=1e-6
    )
    assert losses["loss_scl_image"].item() == pytest.approx(
        10 * (a.image - b.image).abs().mean().item(), rel=1e-6
    )
    assert all(
        value.item() == pytest.approx(0, abs=1e-7)
        for value in consistency_losses(a, a, lambda_1=10.0, lambda_2=25.0).values()
    )


def test_gaussian_weights_are_the_normalised_density():
    weights = gaussian_weights(20, 15, 1)
    density = [math.exp(-((e - 15) ** 2) / 2) for e in range(1, 21)]
    np.testing.assert_allclose(weights, np.array(density) / sum(density), atol=1e-15)
    assert sum(gaussian_weights(5, 1000, 0.5)) == pytest.approx(
        1.0
    )  # far from every epoch: no 0 / 0


def test_gaussian_weights_refuse_a_width_of_zero():
    with pytest.raises(ValueError, match="GPA_STD is 0; it must be above 0"):
        gaussian_weights(5, 3, 0)


def test_aggregation_is_the_weighted_sum_also_after_a_restart():
    snapshots, module = torch.randn(4, 3), torch.nn.Linear(3, 1, bias=False)
    aggregation = GaussianAggregation(4, 3, 1)
    for k, snapshot in enumerate(snapshots):
        module.weight.data.copy_(snapshot[None])
        aggregation.update(module.named_parameters())
        if k == 1:
            state, aggregation = aggregation.state_dict(), GaussianAggregation(4, 3, 1)
            aggregation.load_state_dict(state)
    assert aggregation.complete
    aggregation.apply(module.named_parameters())
    expected = (torch.tensor(aggregation.weights).double() @ snapshots.double()).float()
    torch.testing.assert_close(module.weight.data[0], expected, atol=1e-6, rtol=0)


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


def test_a_name_too_long_is_named():
    with pytest.raises(
        ValueError, match="'a photo of a (cat ){99}.* is longer than CLIP's 77 tokens"
    ):
        tokenize(["a dog.", "a photo of a " + "cat " * 99])


def test_teacher_features_average_before_they_are_normalised(tiny):
    names, templates = ["cat", "fire_truck"], TEACHER[:3]
    rows = [[t.replace("{}", n.replace("_", " ")) for n in names] for t in templates]
    raw = torch.stack([tiny.encode_text(tokenize(row)) for row in rows])  # (3, 2, D)
    torch.testing.assert_close(
        diverse_features(tiny, names, templates), raw.mean(0), atol=1e-5, rtol=0
    )
    expected = unit(unit(raw).mean(0))
    torch.testing.assert_close(
        ensemble_features(tiny, names, templates), expected, atol=1e-5, rtol=0
    )


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
    tiny_state, prec, towers, tolerance
):
    from promptsrc.clip.frozen import build_clip

    def logits(name):
        torch.manual_seed(0)
        frozen = FrozenCLIP(build_clip(tiny_state), precision(name, "cpu", half_on_cpu=True))
        prompts = DeepPrompts(frozen.clip, NAMES, 2, 2, 2, 2, "a photo")
        frozen.cast()
        seen = []
        frozen.clip.transformer.resblocks[1].attn.out_proj.register_forward_hook(
            lambda *args: seen.append(args[2].dtype)
        )
        student = PromptedCLIP(frozen, prompts).encode(torch.randn(3, 3, 32, 32))
        student.logits.sum().backward()
        assert (
            {p.grad.dtype for p in prompts.parameters()}
            == {torch.float32}
            == {t.dtype for t in student}
        )
        return student.logits, seen[0], frozen.clip.visual.conv1.weight.dtype

    (ours, activations, weights), (exact, _, _) = logits(prec), logits("fp32")
    assert weights == towers
    assert activations == {"amp": torch.float16}.get(prec, towers)
    assert (ours - exact).abs().max().item() <= tolerance


def test_fp16_on_a_cpu_is_fp32_and_says_so(capsys):
    assert precision("fp16", "cpu").towers == torch.float32
    assert "computed as fp32" in capsys.readouterr().out


def test_an_unknown_precision_names_the_choices():
    with pytest.raises(ValueError, match="PREC is 'fp8'; choose one of fp32, fp16, amp, bf16"):
        precision("fp8", "cpu")
