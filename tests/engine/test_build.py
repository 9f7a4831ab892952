"""Trainers by name."""

import pytest
from dassl.engine import build_trainer


def test_the_name_may_be_given_and_a_test_takes_keywords_of_forks(cfg, capsys):
    cfg.TRAINER.NAME = "Nobody"
    trainer = build_trainer(cfg, name="ToyTrainer")
    assert "Loading trainer: ToyTrainer\n" in capsys.readouterr().out
    assert trainer.test(split="val", compute_cmat=True) == trainer.test("val")
    assert "Note: test() ignores compute_cmat\n" in capsys.readouterr().out


def test_an_unknown_name_is_refused_with_the_closest(cfg):
    cfg.TRAINER.NAME = "ToyTrainr"
    with pytest.raises(ValueError, match=r"'ToyTrainr' is not available; .*mean ToyTrainer\?"):
        build_trainer(cfg)
