"""Resume of the trainers that learn prompts: what does not fit is named, old files go."""

import re
import shutil

import pytest
import torch

from promptsrc.checkpoint import read_checkpoint
from tests.parity.cases import GOLDENS
from tests.trainers.test_checkpoints import CASES, trainer_of

CLASSES = CASES["promptsrc_default"]["class_names"]


def run(output, name="promptsrc_default", epochs=1):
    output.mkdir(exist_ok=True)
    trainer = trainer_of(name, output, CLASSES, MAX_EPOCH=epochs)
    trainer.train()
    return trainer


def test_promptsrc_does_not_resume_a_run_without_aggregation(tmp_path):
    path = run(tmp_path).checkpoint_path(tmp_path, 1)
    checkpoint = read_checkpoint(path)
    del checkpoint["trainer_state"][
        "regulation"
    ]  # as a run of IVLP with the same prompts leaves it
    torch.save(checkpoint, path)
    path.with_name("checkpoint").write_text(f"{path.name}\n")
    with pytest.raises(
        ValueError,
        match="stopped after epoch 1, without the prompt aggregation of the epochs so far",
    ):
        trainer_of("promptsrc_default", tmp_path, CLASSES).resume_model_if_exist(str(tmp_path))


def test_a_run_of_another_implementation_is_evaluated_not_resumed(tmp_path):
    shutil.copytree(GOLDENS / "checkpoints" / "promptsrc_ckpt_small", tmp_path / "theirs")
    [file] = (tmp_path / "theirs" / "VLPromptLearner").glob("model.pth.tar-*")
    (file.parent / "checkpoint").write_text(f"{file.name}\n")
    trainer = trainer_of("promptsrc_default", tmp_path, CLASSES)
    with pytest.raises(
        ValueError,
        match=f"{file.name} is another implementation's, .* evaluated .*, not resumed",
    ):
        trainer.resume_model_if_exist(str(tmp_path / "theirs"))


def test_a_run_with_other_weights_of_the_epochs_is_named_with_the_whole_advice(tmp_path):
    run(tmp_path)
    other = trainer_of("promptsrc_default", tmp_path, CLASSES, MAX_EPOCH=9)
    with pytest.raises(
        ValueError,
        match="model.pth.tar-1: the run to resume averages .* use another --output-dir$",
    ):
        other.resume_model_if_exist(str(tmp_path))


def test_prompts_of_another_depth_are_named(tmp_path):
    run(tmp_path)
    cfg = trainer_of("promptsrc_default", tmp_path, CLASSES).cfg
    cfg.TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT = 1
    shallow = type(trainer_of("promptsrc_default", tmp_path, CLASSES))(cfg)
    with pytest.raises(
        ValueError,
        match="VLPromptLearner/model.pth.tar-1 does not fit this method and its settings",
    ) as e:
        shallow.resume_model_if_exist(str(tmp_path))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("every, left", [(0, {3, 4}), (2, {2, 3, 4}), (1, {1, 2, 3, 4})])
def test_files_left_by_a_kill_go_with_the_next_epoch(tmp_path, every, left):
    trainer = trainer_of("promptsrc_default", tmp_path, CLASSES, MAX_EPOCH=4)
    trainer.cfg.TRAIN.CHECKPOINT_FREQ = every
    folder = trainer.checkpoint_path(tmp_path, 1).parent
    folder.mkdir()
    for name in ("1", "2", "3", "9", "old"):
        for ending in ("", ".sha256"):  # of version 0.1
            (folder / f"model.pth.tar-{name}{ending}").write_bytes(b"")
    trainer.epoch = 3
    trainer.after_epoch()
    expected = {"checkpoint", *(f"model.pth.tar-{name}" for name in (*left, 9, "old"))}
    assert {file.name for file in folder.iterdir()} == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_of_nan_names_its_images_and_changes_nothing(tmp_path, value):
    trainer = trainer_of("ivlp_default", tmp_path, CLASSES)
    trainer.batch_idx, trainer.impaths = 1, ["a cat.jpg", "b.jpg"]
    before = {name: prompt.clone() for name, prompt in trainer.prompts.named_parameters()}
    loss = sum(prompt.sum() for prompt in trainer.prompts.parameters()) * value
    with pytest.raises(FloatingPointError) as error:
        super(type(trainer), trainer).optimize(loss)  # without what records
    assert re.search(
        r"loss is (nan|-?inf) in epoch 1, batch 2 \(lr \d.\d{4}e-\d\d, PREC fp32; "
        r"images a cat.jpg, b.jpg\); this batch did not change the prompts: "
        r"lower OPTIM.LR, try PREC fp32, or look at these images$",
        str(error.value),
    )
    assert all(
        torch.equal(before[name], prompt) for name, prompt in trainer.prompts.named_parameters()
    )


def test_prompts_with_nan_do_not_overwrite_good_ones(tmp_path):
    trainer = run(tmp_path)
    path = trainer.checkpoint_path(tmp_path, 1)
    before = path.read_bytes()
    torch.nn.init.constant_(next(trainer.prompts.parameters()), float("nan"))
    with pytest.raises(
        FloatingPointError,
        match="the prompts contain NaN or Inf in epoch 1 .*earlier checkpoints stay",
    ):
        trainer.save_model(0, str(tmp_path))
    assert path.read_bytes() == before


def test_a_damaged_newest_checkpoint_is_named_and_the_run_ends_the_same(tmp_path, capsys):
    path = run(tmp_path, epochs=3).checkpoint_path(tmp_path, 3)
    expected = read_checkpoint(path)["state_dict"]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        ValueError, match="model.pth.tar-3 is damaged: its SHA-256 is not the one that was saved"
    ):
        read_checkpoint(path)
    run(tmp_path, epochs=3)
    assert f"Warning: {path} is damaged" in capsys.readouterr().out
    again = read_checkpoint(path)["state_dict"]
    assert all(torch.equal(again[name], expected[name]) for name in expected)
