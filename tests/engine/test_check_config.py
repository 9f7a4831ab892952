"""Values that are not allowed."""

import pytest
from dassl.engine import build_trainer
from dassl.engine.check_config import check_config

from tests.engine.toy import ToyTrainer


@pytest.mark.parametrize(
    "pair, message",
    [
        (
            ["TEST.FINAL_MODEL", "best"],
            "TEST.FINAL_MODEL is 'best'; choose one of last_step, best_",
        ),
        (["TEST.SPLIT", "vall"], "TEST.SPLIT is 'vall'; choose one of val, test"),
        (["TRAIN.PRINT_FREQ", 0], "TRAIN.PRINT_FREQ is 0; it must be at least 1"),
        (["OPTIM.MAX_EPOCH", -1], "OPTIM.MAX_EPOCH is -1; it must be at least 0"),
        (["INPUT.SIZE", (224,)], r"INPUT.SIZE is \(224,\); it takes height and width"),
    ],
)
def test_values_that_are_not_allowed_are_refused(cfg, pair, message):
    cfg.merge_from_list(pair)
    with pytest.raises(ValueError, match=f"^{message}"):
        check_config(cfg)


@pytest.mark.parametrize(
    "pairs",
    [
        ["OPTIM.MAX_EPOCH", 0, "TEST.NO_TEST", False],
        ["OPTIM.NAME", "of_the_plugin", "OPTIM.LR_SCHEDULER", "of_the_plugin"],
        ["DATALOADER.TRAIN_X.N_INS", 3],
        ["DATALOADER.TRAIN_X.N_DOMAIN", -1],
        ["OPTIM.MOMENTUM", -1.0, "OPTIM.WARMUP_TYPE", "of_the_plugin"],
    ],
)
def test_what_a_plugin_may_use_in_its_own_way_passes(cfg, pairs):
    cfg.merge_from_list(pairs)
    check_config(cfg)


def test_a_plugin_may_deploy_and_test_in_its_own_way(cfg):
    cfg.merge_from_list(["TEST.FINAL_MODEL", "last_val", "TEST.SPLIT", "all"])
    check_config(cfg, overridden=["after_train", "test", "build_model"])
    with pytest.raises(ValueError, match="FINAL_MODEL is 'last_val'"):
        check_config(cfg, overridden=["test"])

    class Own(ToyTrainer):
        def after_train(self):
            return self.cfg.TEST.FINAL_MODEL

    cfg.TEST.SPLIT = "test"
    assert Own(cfg).after_train() == "last_val"
    with pytest.raises(ValueError, match="FINAL_MODEL is 'last_val'"):
        ToyTrainer(cfg)


def test_no_epochs_test_the_first_weights(cfg, capsys):
    cfg.OPTIM.MAX_EPOCH = 0
    build_trainer(cfg).train()
    assert "Finish training" in (said := capsys.readouterr().out) and "* accuracy:" in said
