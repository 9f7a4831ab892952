"""Defaults."""

from dassl.config import clean_cfg, get_cfg_default
from yacs.config import CfgNode


def test_defaults_and_clean_cfg():
    cfg = get_cfg_default()
    assert (cfg.SEED, cfg.OPTIM.LR, cfg.OPTIM.SGD_DAMPNING, cfg.DATALOADER.TRAIN_X.BATCH_SIZE) == (
        -1,
        0.0003,
        0,
        32,
    )
    cfg.TRAINER.COOP, cfg.TRAINER.MAPLE = CfgNode(), CfgNode()
    clean_cfg(cfg, "CoOp")
    assert list(cfg.TRAINER) == ["NAME", "COOP"]
    assert list(get_cfg_default().TRAINER) == ["NAME"]
