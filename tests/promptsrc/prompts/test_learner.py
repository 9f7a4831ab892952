"""All learners: as many parameters as published, and what is refused."""

import pytest
import torch

from promptsrc.checkpoint import load_prompts
from promptsrc.clip.openai import CLIP
from promptsrc.prompts import ConditionalPrompts, ContextPrompts, CoupledPrompts, DeepPrompts

NAMES = ["cat", "fire_truck", "very long haired dachshund"]


def vit_b16():
    """ViT-B/16's sizes without its weights."""
    with torch.device("meta"):
        return CLIP(512, 224, 12, 768, 16, 77, 49408, 512, 8, 12)


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
def test_as_many_parameters_are_learned_as_published(build, published):
    assert sum(p.numel() for p in build(vit_b16()).parameters()) == published


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


class TwoHeads(ContextPrompts):
    """With a head for the classes trained on, which other names leave out (as in DePT)."""

    per_class = ("head.weight", "head.bias")

    def __init__(self, clip, classnames, n):
        super().__init__(clip, classnames, n)
        self.per_class = TwoHeads.per_class
        self.head = torch.nn.Linear(clip.text_projection.shape[1], len(classnames))

    def match_classes(self, state, trained_on, source):
        if set(self.classnames) <= set(trained_on):
            return super().match_classes(state, trained_on, source)
        self.head = None
        return {key: value for key, value in state.items() if key not in self.per_class}


def test_a_head_for_the_classes_trained_on_is_matched_by_name_or_left_out(tiny):
    trained = TwoHeads(tiny, ["cat", "dog", "owl"], 2)
    about = {"classnames": trained.classnames}
    some, new = TwoHeads(tiny, ["owl", "cat"], 2), TwoHeads(tiny, ["owl", "crane"], 2)
    for learner in (some, new):
        load_prompts(learner, trained.state_dict(), "a file", about)
        assert torch.equal(learner.ctx, trained.ctx)
    assert torch.equal(some.head.weight, trained.head.weight[[2, 0]])
    assert torch.equal(some.head.bias, trained.head.bias[[2, 0]])
    assert new.head is None and [*new.state_dict()] == ["ctx"]


def test_a_row_that_may_be_one_of_several_is_refused(tiny):
    names = ["missile", "crane", "missile"]
    trained = ContextPrompts(tiny, names, 2, classes=3)
    same, other = (ContextPrompts(tiny, n, 2, classes=3) for n in (names, ["crane", "missile"]))
    load_prompts(same, trained.state_dict(), "a file", {"classnames": names})
    assert torch.equal(same.ctx, trained.ctx)
    with pytest.raises(ValueError, match="a file has .* and 2 are called 'missile'; take all"):
        load_prompts(other, trained.state_dict(), "a file", {"classnames": names})
