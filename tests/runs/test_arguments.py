"""Flags, files and KEY VALUE pairs make one configuration."""

import re

import pytest

from runs.arguments import parse_args, setup_config
from runs.settings import trainers


def test_a_root_may_have_its_dataset_among_the_pairs(in_root):
    words = ["--root", "data", "DATASET.NAME", "Emoji"]
    assert setup_config(parse_args(words)).DATASET.NAME == "Emoji"


@pytest.mark.parametrize(
    "words",
    [
        ["photos", "--seed", "3", "OPTIM.LR", "0.1"],
        ["--seed", "3", "photos", "OPTIM.LR", "0.1"],
        ["photos", "--seed", "3", "--deterministic", "OPTIM.LR", "0.1"],
    ],
)
def test_photos_stand_anywhere_before_the_pairs(words):
    args = parse_args(words)
    assert (args.photos, args.seed, args.opts) == ("photos", 3, ["OPTIM.LR", "0.1"])


def test_a_key_is_no_folder_unless_there_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse_args(["SEED", "3"]).photos == ""
    assert parse_args(["DATASET.NUM_SHOTS", "4"]).opts == ["DATASET.NUM_SHOTS", "4"]
    (tmp_path / "DCIM").mkdir()
    assert parse_args(["DCIM"]).photos == "DCIM"


def test_two_folders_of_photos_are_one_too_many(capsys):
    with pytest.raises(SystemExit):
        parse_args(["photos", "--seed", "3", "more"])
    assert "both photos and more are given as photos" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "name"), [("coop", "CoOp"), ("PROMPTSRC", "PromptSRC"), ("MyOwn", "MyOwn")]
)
def test_a_shipped_trainer_in_any_case(typed, name):
    assert parse_args(["--trainer", typed]).trainer == name


def test_the_model_to_evaluate_is_in_the_configuration(in_root):
    cfg = setup_config(parse_args(["--eval-only", "--model-dir", "some/run", "--load-epoch", "20"]))
    assert (cfg.MODEL_DIR, cfg.LOAD_EPOCH) == ("some/run", 20)


def test_help_names_every_trainer(capsys):
    with pytest.raises(SystemExit):
        parse_args(["--help"])
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert ", ".join(trainers()) in text and "PromptSRC" in trainers()
