"""The textbook is right (it passes the recordings of PromptSRC), and ours is the same in float64: losses, gradients, evaluation."""

import pytest
import torch
import torch.nn.functional as F

import trainers.base
from promptsrc.aggregation import GaussianAggregation
from promptsrc.clip import plain
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.precision import precision
from promptsrc.clip.zeroshot import diverse_features
from promptsrc.model import PromptedCLIP, ZeroShotCLIP
from promptsrc.prompts import DeepPrompts
from promptsrc.regulation import SelfRegulation
from promptsrc.templates import TEACHER
from tests.parity import replay
from tests.promptsrc.clip.test_towers import float64
from tests.test_parity import CASES, GOLDENS, TOLERANCES

NAMES = ["cat", "fire truck", "a rather long name of a dachshund", "dog", "traffic light"]


@pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if case["trainer"] == "PromptSRC"]
)
def test_the_textbook_passes_the_recordings(name, monkeypatch):
    monkeypatch.setattr(trainers.base, "prompted_clip", plain.Student)
    monkeypatch.setattr(trainers.base, "ZeroShotCLIP", plain.Teacher)
    differences = list(replay(GOLDENS, CASES[name], TOLERANCES[CASES[name]["precision"]]))
    assert len(differences) >= 18
    assert [str(difference) for difference in differences if not difference.fits] == []


@pytest.mark.parametrize("depth, vectors", [(1, 2), (4, 4)])
def test_a_step_and_an_evaluation_of_ours_are_the_textbooks(tiny, depth, vectors):
    torch.manual_seed(depth)
    frozen = FrozenCLIP(float64(tiny), precision("fp32", "cpu"))
    prompts = DeepPrompts(tiny, vectors, depth, vectors, depth, "a photo of a").double()
    images, labels = torch.randn(3, 3, 32, 32, dtype=torch.float64), torch.tensor([4, 0, 2])
    results = []
    for student, teacher, features in (
        (PromptedCLIP, ZeroShotCLIP, diverse_features),
        (plain.Student, plain.Teacher, plain.teacher_features),
    ):
        model = student(frozen, prompts, NAMES)
        taught = SelfRegulation(
            teacher(frozen, features(tiny, NAMES, TEACHER[:3])),
            GaussianAggregation(2, 1, 1),
            25,
            10,
        )
        encoded = model.encode(images)
        losses = {"ce": F.cross_entropy(encoded.logits, labels), **taught.losses(encoded, images)}
        gradients = torch.autograd.grad(sum(losses.values()), list(prompts.parameters()))
        with torch.no_grad():
            results.append([*losses.values(), *gradients, model.classify(images)])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(
            mine, theirs, atol=2e-4, rtol=1e-5
        )  # unit features and losses are float32
