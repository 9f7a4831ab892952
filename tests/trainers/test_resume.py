"""Resume of the trainers that learn prompts: what does not fit is named, old files go."""

import pytest
import torch

from promptsrc.checkpoint import read_checkpoint
from tests.trainers.test_checkpoints import CASES, trainer_of

CLASSES = CASES["promptsrc_default"]["class_names"]


def run(output, name="promptsrc_default", epochs=1):
    output.mkdir(exist_ok=True)
    trainer = trainer_of(name, output, CLASSES, MAX_EPOCH=epochs)
    trainer.train()
    return trainer


def test_promptsrc_does_not_go_on_with_a_run_without_aggregation(tmp_path):
    path = run(tmp_path).checkpoint_path(tmp_path, 1)
    checkpoint = read_checkpoint(path)
    del checkpoint["trainer_state"]["regulation"]  # as a run of IVLP with the same prompts leaves it
    torch.save(checkpoint, path)
    with pytest.raises(ValueError, match="stopped after epoch 1, without the prompt aggregation of the epochs before"):
        trainer_of("promptsrc_default", tmp_path, CLASSES).resume_model_if_exist(str(tmp_path))


def test_a_run_with_other_weights_of_the_epochs_is_named_with_the_whole_advice(tmp_path):
    run(tmp_path)
    other = trainer_of("promptsrc_default", tmp_path, CLASSES, MAX_EPOCH=9)
    with pytest.raises(ValueError, match="model.pth.tar-1: the run to go on with averages .* in another --output-dir$"):
        other.resume_model_if_exist(str(tmp_path))


def test_prompts_of_another_depth_are_named(tmp_path):
    run(tmp_path)
    cfg = trainer_of("promptsrc_default", tmp_path, CLASSES).cfg
    cfg.TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT = 1
    shallow = type(trainer_of("promptsrc_default", tmp_path, CLASSES))(cfg)
    with pytest.raises(
        ValueError, match="VLPromptLearner/model.pth.tar-1 does not fit this method and its settings"
    ) as e:
        shallow.resume_model_if_exist(str(tmp_path))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("every, left", [(0, {4}), (2, {2, 4})])
def test_files_that_a_kill_left_behind_go_with_the_next_epoch(tmp_path, every, left):
    trainer = trainer_of("promptsrc_default", tmp_path, CLASSES, MAX_EPOCH=4)
    trainer.cfg.TRAIN.CHECKPOINT_FREQ = every
    folder = trainer.checkpoint_path(tmp_path, 1).parent
    folder.mkdir()
    for name in ("model.pth.tar-1", "model.pth.tar-2", "model.pth.tar-3", "model.pth.tar-9", "model.pth.tar-old"):
        (folder / name).write_bytes(b"")
    trainer.epoch = 3
    trainer.after_epoch()
    expected = {f"model.pth.tar-{epoch}" for epoch in left} | {"model.pth.tar-9", "model.pth.tar-old", "checkpoint"}
    assert {file.name for file in folder.iterdir()} == expected


def test_a_loss_that_is_no_number_does_not_vouch_for_the_batches_before(tmp_path):
    trainer = trainer_of("ivlp_default", tmp_path, CLASSES)
    trainer.batch_idx = 1
    with pytest.raises(
        FloatingPointError, match="loss is nan in epoch 1, batch 2 .* this batch did not change the prompts"
    ):
        trainer.detect_anomaly(torch.tensor(float("nan")))
