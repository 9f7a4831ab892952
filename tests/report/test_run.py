"""What the folder of a run tells."""

import shutil

import pytest
import torch

from promptsrc.regulation import gaussian_weights
from report.run import Run, read_run
from runs import log
from runs.log import History


def test_a_run_is_read_whole(trained):
    found = read_run(trained)
    assert found.missing == {} and found.epoch == 3
    assert found.checkpoint == trained / "VLPromptLearner" / "model.pth.tar-3"
    assert found.trained_classes == ['<b>&"bird', "building", "drink", "flower"]
    assert len(found.tokens) == 1 and len(found.tokens[0]) == 4  # one context of four vectors
    assert found.accuracy == pytest.approx(
        found.predictions.accuracy(found.predictions.trained), abs=0.06
    )


def test_what_a_log_without_configuration_lacks(trained, tmp_path):
    shutil.copy(trained / "log.txt", tmp_path)
    found = read_run(tmp_path)
    assert list(found.missing) == ["prompt average", "nearest tokens", "accuracy by class"]
    assert found.cfg is None and found.trains and len(found.history.lines) == 12


def test_without_checkpoint_the_rest_is_there(trained, tmp_path):
    for name in ("log.txt", "config.yaml"):
        shutil.copy(trained / name, tmp_path)
    found = read_run(tmp_path)
    assert found.missing == {
        "prompt average": f"{tmp_path} has no checkpoint; is it the folder of one run, such as "
        "output/.../seed1? (Zero-shot CLIP has no checkpoint.)",
        "accuracy by class": "the run has no checkpoint",
    }


def test_learned_parameters_of_our_files_and_of_the_references():
    ours = {"prompt_learner.ctx": torch.zeros(4, 8)}
    frozen = {"text_encoder.ln_final.weight": torch.zeros(8)}
    of_another_method = {"vectors": torch.zeros(3, 2)}
    counts = [
        Run(None, None, History(), None, state=state).parameters
        for state in (ours, ours | frozen, of_another_method)
    ]
    assert counts == [32, 32, 6]


def test_tensorboard_has_the_weight_of_each_epoch(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained / "tensorboard")).Reload()
    found = [(event.step, event.value) for event in events.Scalars("train/aggregation_weight")]
    weights = gaussian_weights(3, 2, 1)
    assert found == [(4 * epoch - 1, pytest.approx(weights[epoch - 1])) for epoch in (1, 2, 3)]
    losses = {f"train/{name}" for name in log.read(trained).names}
    assert losses | {"train/lr"} <= set(events.Tags()["scalars"])
