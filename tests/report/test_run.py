"""What the folder of a run tells."""

import datetime
import os
import shutil

import pytest
import torch

from promptsrc.regulation import gaussian_weights
from report.run import read_run
from runs import log


def test_a_run_is_read_whole(trained):
    found = read_run(trained)
    assert found.missing == {} and found.epoch == 3
    assert found.checkpoint == trained / "VLPromptLearner" / "model.pth.tar-3"
    assert found.prompts.description["classnames"] == ['<b>&"bird', "building", "drink", "flower"]
    assert len(found.tokens) == 1 and len(found.tokens[0]) == 4  # one context of four vectors
    assert found.accuracy == pytest.approx(
        found.predictions.accuracy(found.predictions.trained), abs=0.06
    )


def test_what_a_log_without_configuration_lacks(trained, tmp_path):
    shutil.copy(trained / "log.txt", tmp_path)
    found = read_run(tmp_path)
    parts = ["training images", "prompt average", "nearest tokens", "accuracy by class"]
    assert list(found.missing) == parts and found.trained_on is None
    assert found.cfg is None and found.trains and len(found.history.lines) == 12


def test_the_training_images_and_the_date_of_the_newest_log(trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    resumed = tmp_path / "log.txt-2026-11-29-12-00-00"
    resumed.touch()
    os.utime(tmp_path / "log.txt", (0, datetime.datetime(2026, 11, 28, 12).timestamp()))
    os.utime(resumed, (0, datetime.datetime(2026, 11, 29, 12).timestamp()))
    found = read_run(tmp_path)
    assert found.trained_on == (16, 4) and found.date == datetime.date(2026, 11, 29)
    (tmp_path / "items.json").write_text("{}")
    assert list(read_run(tmp_path).missing) == ["training images"]


def test_without_checkpoint_the_rest_is_there(trained, tmp_path):
    for name in ("log.txt", "config.yaml"):
        shutil.copy(trained / name, tmp_path)
    found = read_run(tmp_path)
    assert found.missing == {
        "prompt average": f"{tmp_path} has no checkpoint; is it the folder of one run, such as "
        "output/.../seed1? (Zero-shot CLIP has no checkpoint.)",
        "accuracy by class": "the run has no checkpoint",
    }


def test_without_images_of_the_tested_part_the_rest_is_there(trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "config.yaml"
    content = config.read_text()
    assert content.count("SPLIT: test\n") == 1
    config.write_text(content.replace("SPLIT: test\n", "SPLIT: val\n"))
    reason = "the data has no validation images"
    assert read_run(tmp_path).missing == {"accuracy by class": reason}


def test_a_checkpoint_of_another_implementation(trained, tmp_path):
    """It holds the frozen CLIP too, and does not say what it is for."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    (file,) = tmp_path.glob("*/model.pth.tar-3")
    file.with_name("checkpoint").write_text(f"{file.name}\n")
    ours = read_run(trained)
    frozen = {"text_encoder.ln_final.weight": torch.zeros(8)}
    torch.save({"state_dict": ours.prompts.tensors | frozen, "epoch": 3}, file)
    found = read_run(tmp_path)
    assert found.missing == {} and found.weights == []
    assert found.prompts.parameters == ours.prompts.parameters
    assert found.tokens == ours.tokens


def test_tensorboard_has_the_weight_of_each_epoch(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained / "tensorboard")).Reload()
    found = [(event.step, event.value) for event in events.Scalars("train/aggregation_weight")]
    weights = gaussian_weights(3, 2, 1)
    assert found == [(4 * epoch - 1, pytest.approx(weights[epoch - 1])) for epoch in (1, 2, 3)]
    losses = {f"train/{name}" for name in log.read(trained).names}
    assert losses | {"train/lr"} <= set(events.Tags()["scalars"])
