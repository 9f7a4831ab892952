"""ProGrad's step: two passes through one forward, whatever the settings beside it."""

import pytest
import torch

from tests.parity import batches_of, config_of, load_cases
from tests.parity.cases import MORE as GOLDENS
from tests.parity.prograd import two_passes
from tests.parity.training import recorded
from tests.runs.test_unused import built
from trainers.coop import CoOp
from trainers.prograd import ProGrad

CASES, _ = load_cases(GOLDENS)

CASE = CASES["prograd_random"]


def run(tmp_path, base=ProGrad, **keys):
    folder = tmp_path / "-".join([base.__name__, *keys])
    folder.mkdir()
    cfg = config_of(CASE, folder)
    for key, value in keys.items():
        node, leaf = key.rsplit("__", 1)
        cfg[node][leaf] = value
    torch.manual_seed(0)
    kind = recorded(base, CASE["class_names"], batches_of(CASE))
    trainer = (two_passes(kind) if base is ProGrad else kind)(cfg)
    trainer.train()
    return trainer


def test_lambda_0_is_coop_bit_for_bit(tmp_path):
    ours, coop = run(tmp_path, LOSS__LAMBDA=0.0), run(tmp_path, CoOp)
    assert torch.equal(ours.prompts.ctx, coop.prompts.ctx)
    assert not torch.equal(run(tmp_path).prompts.ctx, coop.prompts.ctx)


def test_the_temperature_is_that_of_the_agreement(tmp_path):
    usual, cold = run(tmp_path), run(tmp_path, LOSS__T=1.0)
    usual, cold = ([s["passes"][i][0] for i in (0, 1)] for s in (usual.steps[0], cold.steps[0]))
    assert usual[0] > 1.5 * cold[0] and torch.equal(usual[1], cold[1])


def test_texts_in_parts_give_the_same_step(tmp_path):
    whole, parts = run(tmp_path), run(tmp_path, MODEL__TEXTS_AT_ONCE=2)
    for i in (0, 1):
        for a, b in zip(whole.steps, parts.steps, strict=True):
            g, h = (s["passes"][i][1]["ctx"] for s in (a, b))
            torch.testing.assert_close(g, h, atol=2e-4, rtol=1e-3)


def test_one_image_pass_a_step(tmp_path, monkeypatch):
    trainer = run(tmp_path)
    calls, encode = [], trainer.model.frozen.encode_image
    monkeypatch.setattr(
        trainer.model.frozen, "encode_image", lambda *given: calls.append(1) or encode(*given)
    )
    batch = batches_of(CASE)[0]
    logged = trainer.step(batch["img"], batch["label"])
    assert [*logged] == ["xe_loss", "kl_loss", "acc"] and len(calls) == 1


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("LOSS.NAME", "gm", "LOSS.NAME is 'gm'; ProGrad takes prograd alone"),
        ("LOSS.T", 0.0, "LOSS.T is 0.0; it must be from 0.001 to 1000"),
        ("LOSS.LAMBDA", 1.5, "LOSS.LAMBDA is 1.5; it must be from 0 to 1"),
        ("MODEL.COMPILE", True, "MODEL.COMPILE is True, but ProGrad goes back through its step tw"),
    ],
)
def test_what_it_cannot_do_is_refused(tmp_path, key, value, message):
    with pytest.raises(ValueError, match=message):
        built("ProGrad", tmp_path, **{key: value})
