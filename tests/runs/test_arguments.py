"""Flags, files and KEY VALUE pairs make one configuration."""

import re

import pytest

from runs.arguments import parse_args, setup_config


def test_a_root_without_a_dataset_says_what_is_missing(in_root):
    with pytest.raises(
        ValueError,
        match=r"--root \(DATASET.ROOT\) is data, but no dataset is named; add --dataset-config",
    ):
        setup_config(parse_args(["--root", "data", "--trainer", "IVLP"]))
    assert (
        setup_config(parse_args(["--root", "data", "DATASET.NAME", "Emoji"])).DATASET.NAME
        == "Emoji"
    )


def test_the_model_to_evaluate_is_in_the_configuration(in_root):
    cfg = setup_config(parse_args(["--eval-only", "--model-dir", "some/run", "--load-epoch", "20"]))
    assert (cfg.MODEL_DIR, cfg.LOAD_EPOCH) == ("some/run", 20)


def test_help_names_every_trainer(capsys):
    with pytest.raises(SystemExit):
        parse_args(["--help"])
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "PromptSRC, IVLP, MaPLe, VPT, CoOp, CoCoOp, ZeroshotCLIP or ZeroshotCLIP2" in text
