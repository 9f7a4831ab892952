"""The probe by hand, its parameters' names, and which classes it is asked about."""

import pytest
import torch

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.precision import precision
from promptsrc.prompts import ConditionalPrompts, CoupledPrompts, DecoupledPrompts, DeepPrompts

NAMES = ["cat", "dog", "owl"]
BASES = {
    "ContextPrompts": {"n": 2},
    "ConditionalPrompts": {"n": 2},
    "CoupledPrompts": {"n": 2, "depth": 2},
    "DeepPrompts": {"n_text": 2, "depth_text": 2, "n_image": 2, "depth_image": 2},
}


def decoupled(clip, base="ContextPrompts", settings=(), **probe):
    """With values of its own in every parameter."""
    torch.manual_seed(0)
    prompts = DecoupledPrompts(clip, NAMES, base, probe, **BASES[base], **dict(settings))
    for parameter in prompts.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return prompts


def encoded(clip, prompts, images=4):
    model = prompts.student(FrozenCLIP(clip, precision("fp32", "cpu")))
    return model, torch.randn(images, 3, 32, 32, generator=torch.manual_seed(1))


def test_both_heads_by_hand(tiny):
    prompts = decoupled(tiny, weight=0.25)
    model, images = encoded(tiny, prompts)
    f, g = (features.double() for features in model.encode(images)[3:])
    film_i, film_t, (w, c) = (
        [p.double() for p in part.parameters()]
        for part in (prompts.film_lp_img, prompts.film_lp_text, prompts.linear_probe_proj)
    )
    similarity = tiny.logit_scale.exp() * torch.cosine_similarity(f[:, None], g[None], dim=-1)
    probe = (film_i[0] * f + film_i[1]) @ w.T + c
    expected = 0.75 * similarity + 0.25 * probe
    torch.testing.assert_close(model.classify(images).double(), expected, atol=1e-4, rtol=1e-4)
    prompts.probe.fusion = False
    torch.testing.assert_close(model.classify(images).double(), probe, atol=1e-4, rtol=1e-4)

    labels = torch.tensor([2, 0, 2, 1])
    logits, theirs = prompts.probe.of_training(model.encode(images), labels)
    texts = (film_t[0] * g[labels] + film_t[1]) @ w.T + c
    assert theirs.tolist() == [2, 0, 2, 1, 2, 0, 2, 1]
    torch.testing.assert_close(logits.double(), torch.cat([texts, probe]), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("film", [True, False])
def test_a_probe_by_similarity_compares_what_film_makes(tiny, base, film):
    prompts = decoupled(tiny, base, kind="similarity", film=film)
    model, images = encoded(tiny, prompts, images=2)
    found = model.encode(images)
    f, g = (prompts.film_lp_img(found.raw_image), prompts.film_lp_text(found.raw_text))
    cosines = torch.cosine_similarity(f[:, None], g, dim=-1)
    torch.testing.assert_close(
        prompts.probe.of_images(found), tiny.logit_scale.exp() * cosines, atol=1e-3, rtol=1e-4
    )
    logits, labels = prompts.probe.of_training(found, torch.tensor([1, 0]))
    assert torch.equal(logits, prompts.probe.of_images(found)) and labels.tolist() == [1, 0]
    if not film:
        torch.testing.assert_close(model.classify(images), found.logits, atol=1e-3, rtol=1e-4)


def test_text_that_depends_on_the_image_is_read_of_that_image(tiny):
    prompts = decoupled(tiny, "ConditionalPrompts")
    model, images = encoded(tiny, prompts, images=2)
    found = model.encode(images)
    logits, _ = prompts.probe.of_training(found, torch.tensor([1, 2]))
    own = torch.stack([found.raw_text[0, 1], found.raw_text[1, 2]])
    expected = prompts.linear_probe_proj(prompts.film_lp_text(own))
    torch.testing.assert_close(logits[:2], expected)


@pytest.mark.parametrize("base", BASES)
def test_parameters_are_named_as_in_a_whole_model(tiny, base):
    prompts = decoupled(tiny, base)
    alone = {
        "ContextPrompts": {"prompt_learner.ctx"},
        "ConditionalPrompts": {
            f"prompt_learner.{name}" for name in ConditionalPrompts(tiny, NAMES, 2).state_dict()
        },
        "CoupledPrompts": set(CoupledPrompts(tiny, NAMES, 2, 2).state_dict()),
        "DeepPrompts": set(DeepPrompts(tiny, NAMES, 2, 2, 2, 2).state_dict()),
    }[base]
    film = {f"film_lp_{t}.{part}" for t in ("img", "text") for part in ("scale", "bias")}
    head = {"linear_probe_proj.weight", "linear_probe_proj.bias"}
    assert set(prompts.state_dict()) == alone | film | head
    assert {p.data_ptr() for p in prompts.base.parameters()} < {
        p.data_ptr() for p in prompts.parameters()
    }
    assert prompts.prefix == prompts.base.prefix and [*prompts.text] == [*prompts.base.text]


def matched(clip, state, trained_on, names, **settings):
    prompts = DecoupledPrompts(clip, names, "ContextPrompts", {}, n=2, **settings)
    return prompts, prompts.match_classes(dict(state), trained_on, "a file")


def test_classes_trained_on_get_their_rows_and_others_none(tiny):
    state = decoupled(tiny).state_dict()
    some, found = matched(tiny, state, NAMES, ["owl", "Cat"])
    assert some.probe.known and found.keys() == some.state_dict().keys()
    assert torch.equal(found["linear_probe_proj.weight"], state["linear_probe_proj.weight"][[2, 0]])
    for names in (["owl", "cat", "fish"], ["fish", "bird", "cow"]):
        others, found = matched(tiny, state, NAMES, names)
        assert not others.probe.known and found.keys() == {"prompt_learner.ctx"}
        others.load_state_dict(found)
        model, images = encoded(tiny, others)
        assert torch.equal(model.classify(images), model.encode(images).logits)


def test_a_file_without_names_is_known_by_its_number_of_rows(tiny):
    state = decoupled(tiny).state_dict()
    assert matched(tiny, state, None, ["fox", "hen", "ape"])[0].probe.known
    assert not matched(tiny, state, None, ["fox", "hen"])[0].probe.known


def test_a_file_for_new_classes_has_no_probe_and_needs_none(tiny):
    _, kept = matched(tiny, decoupled(tiny).state_dict(), NAMES, ["fox", "hen"])
    assert not matched(tiny, kept, ["fox", "hen"], ["fox", "hen"])[0].probe.known


def test_contexts_per_class_keep_their_rows(tiny):
    state = decoupled(tiny, settings={"classes": 3}).state_dict()
    _, found = matched(tiny, state, NAMES, ["owl"], classes=1)
    assert torch.equal(found["prompt_learner.ctx"], state["prompt_learner.ctx"][[2]])
    with pytest.raises(ValueError, match="a file has learned something for each class, but not"):
        matched(tiny, state, NAMES, ["fox"], classes=1)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"weight": 0.0}, "LINEAR_PROBE.WEIGHT is 0.0; it must be above 0, at most 1"),
        ({"weight": 1.5}, "LINEAR_PROBE.WEIGHT is 1.5"),
        ({"kind": "mlp"}, "LINEAR_PROBE.TYPE is 'mlp'; choose one of linear, similarity"),
    ],
)
def test_bad_settings_get_a_line(tiny, settings, message):
    with pytest.raises(ValueError, match=message):
        decoupled(tiny, **settings)
