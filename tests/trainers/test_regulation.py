"""Self-regulation attached to any method by config."""

import pytest
import torch
from dassl.engine import TRAINER_REGISTRY

from promptsrc.regulation import GaussianAggregation, consistency_losses, gaussian_weights
from tests.parity import batches_of, config_of, load_cases, recorded
from tests.parity.cases import GOLDENS

CASES, _ = load_cases(GOLDENS)
SETTINGS = {
    "CoOp": {"N_CTX": 4},
    "KgCoOp": {"N_CTX": 4},
    "ProGrad": {"N_CTX": 4},
    "TCP": {"N_CTX": 4},
    "CoCoOp": {"N_CTX": 4},
    "MaPLe": {"N_CTX": 2, "PROMPT_DEPTH": 3},
    "VPT": {"N_CTX_VISION": 2, "PROMPT_DEPTH_VISION": 3},
    "MMRL": {"REP_LAYERS": [2, 3], "N_REP_TOKENS": 2, "REP_DIM": 16},
    "IVLP": {"N_CTX_TEXT": 2, "N_CTX_VISION": 2, "PROMPT_DEPTH_TEXT": 3, "PROMPT_DEPTH_VISION": 2},
}


def run(tmp_path, name, settings, regulation=None, epochs=3):
    """A trainer after training on the images of a recorded case, from seed 3."""
    case = CASES["promptsrc_default"]
    tmp_path.mkdir(exist_ok=True)
    cfg = config_of(case, tmp_path)
    cfg.OPTIM.MAX_EPOCH, cfg.TRAINER.NAME = epochs, name
    if settings:
        cfg.TRAINER[TRAINER_REGISTRY.get(name).node].update({"PREC": "fp32", **settings})
    cfg.REGULATION.update(regulation or {})
    torch.manual_seed(3)
    trainer = recorded(TRAINER_REGISTRY.get(name), case["class_names"], batches_of(case))(cfg)
    trainer.train()
    return trainer


def test_ivlp_with_it_is_promptsrc_to_the_bit(tmp_path):
    weights = {"TEXT_LOSS_WEIGHT": 7.0, "IMAGE_LOSS_WEIGHT": 3.0, "GPA_MEAN": 2.0, "GPA_STD": 1.0}
    ivlp = run(tmp_path / "a", "IVLP", SETTINGS["IVLP"], {"ENABLED": True, **weights})
    promptsrc = run(tmp_path / "b", "PromptSRC", SETTINGS["IVLP"] | weights)
    assert len(ivlp.steps) == len(promptsrc.steps) > 3
    for ours, theirs in zip(ivlp.steps, promptsrc.steps, strict=True):
        assert ours["losses"].keys() == theirs["losses"].keys()
        assert all(
            torch.equal(ours["losses"][name], theirs["losses"][name]) for name in ours["losses"]
        )
        assert torch.equal(ours["student"].logits, theirs["student"].logits)
    for ours, theirs in zip(ivlp.epochs, promptsrc.epochs, strict=True):
        assert all(torch.equal(ours["raw"][name], theirs["raw"][name]) for name in theirs["raw"])
    final, expected = ivlp.prompts.state_dict(), promptsrc.prompts.state_dict()
    assert all(torch.equal(final[name], expected[name]) for name in expected)
    assert not any(torch.equal(final[name], ivlp.epochs[-1]["raw"][name]) for name in final)


@pytest.mark.parametrize("name", SETTINGS)
def test_losses_and_aggregation_for_every_method(tmp_path, name):
    regulation = {
        "ENABLED": True,
        "TEXT_LOSS_WEIGHT": 7.0,
        "IMAGE_LOSS_WEIGHT": 3.0,
        "GPA_MEAN": 2.0,
        "GPA_STD": 1.0,
    }
    trainer = run(tmp_path, name, SETTINGS[name], regulation)
    for step in trainer.steps:
        expected = consistency_losses(step["student"], step["teacher"], lambda_1=3.0, lambda_2=7.0)
        assert step["loss"].item() == pytest.approx(sum(step["losses"].values()).item(), abs=1e-6)
        assert all(
            step["losses"][key].item() == pytest.approx(value.item(), abs=1e-6)
            for key, value in expected.items()
        )
    assert trainer.steps[-1]["losses"]["loss_scl_logits"] > 0
    weights = gaussian_weights(3, 2.0, 1.0)
    for key, value in trainer.prompts.named_parameters():
        expected = sum(
            w * epoch["raw"][key] for w, epoch in zip(weights, trainer.epochs, strict=True)
        )
        torch.testing.assert_close(value.data, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name, towers", [("CoOp", 1), ("CoCoOp", 1), ("MaPLe", 2), ("VPT", 2)])
def test_images_without_prompts_are_encoded_once_for_student_and_teacher(
    tmp_path, monkeypatch, name, towers
):
    trainer = run(tmp_path, name, SETTINGS[name], {"ENABLED": True, "GPA_MEAN": 1.0}, epochs=1)
    images, encode, calls = torch.randn(2, 3, 32, 32), trainer.model.frozen.encode_image, []
    monkeypatch.setattr(
        trainer.model.frozen, "encode_image", lambda *args: calls.append(args) or encode(*args)
    )
    student = trainer.model.encode(images)
    losses = trainer.regulation.losses(student, images)
    assert len(calls) == towers
    regulation = trainer.regulation
    plain = consistency_losses(
        student,
        regulation.teacher.encode(images),
        lambda_1=regulation.lambda_1,
        lambda_2=regulation.lambda_2,
    )
    assert all(torch.equal(losses[key], plain[key]) for key in plain)


@pytest.mark.parametrize("name", SETTINGS)
def test_without_it_there_are_the_methods_own_terms_alone(tmp_path, name):
    trainer = run(tmp_path, name, SETTINGS[name], epochs=1)
    mmrl = ["loss_ce_rep", "loss_reg_image", "loss_reg_text"]
    own = {"KgCoOp": ["loss_kg"], "TCP": ["loss_kg"], "MMRL": mmrl}.get(name, [])
    assert [*trainer.steps[0]["losses"]] == ["loss_ce", *own]
    assert trainer.regulation is None


def test_going_on_with_other_weights_of_the_epochs_is_refused():
    state = GaussianAggregation(3, 2.0, 1.0).state_dict()
    with pytest.raises(
        ValueError, match=r"averages over 3 epochs, this one over 5, or GPA_MEAN and GPA_STD differ"
    ):
        GaussianAggregation(5, 2.0, 1.0).load_state_dict(state)
    with pytest.raises(ValueError, match="resume with its settings"):
        GaussianAggregation(3, 1.0, 1.0).load_state_dict(state)


def test_the_log_says_which_epochs_count(tmp_path, capsys):
    run(tmp_path, "IVLP", SETTINGS["IVLP"], {"ENABLED": True, "GPA_MEAN": 15.0, "GPA_STD": 1.0})
    assert (
        "Of 3 epochs, those that weigh 1 % or more in the prompt average: [3]"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "name, message",
    [("PromptSRC", "has these keys in TRAINER.PROMPTSRC"), ("ZeroshotCLIP", "learns nothing")],
)
def test_where_it_has_no_place_it_is_refused(tmp_path, name, message):
    with pytest.raises(ValueError, match=f"REGULATION.ENABLED is for .*{message}"):
        run(tmp_path, name, {}, {"ENABLED": True}, epochs=1)
