"""Defaults."""

from dassl.config import clean_cfg, complete, get_cfg_default
from dassl.config.methods import METHODS
from dassl.engine import build_trainer
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
    assert list(get_cfg_default().TRAINER) == ["NAME", *METHODS]


def test_the_keys_of_dassls_own_methods():
    """Facts of Dassl.pytorch 0.6.3: 14 methods, 44 keys."""
    assert len(METHODS) == 14 and sum(map(len, METHODS.values())) == 44
    cfg = get_cfg_default()
    cfg.merge_from_list(
        ["TRAINER.MIXMATCH.RAMPUP", 10, "TRAINER.DAEL.STRONG_TRANSFORMS", ("cutout",)]
    )
    assert (cfg.TRAINER.MIXMATCH.RAMPUP, cfg.TRAINER.MIXMATCH.WEIGHT_U) == (10, 100.0)
    assert cfg.TRAINER.DAEL.STRONG_TRANSFORMS == ("cutout",)
    assert get_cfg_default().TRAINER.DAEL.STRONG_TRANSFORMS == ()


def test_keys_that_the_configuration_of_an_older_dassl_lacks_have_their_defaults(cfg):
    """UPL brings one; Dassl.pytorch 0.6.3 asks it for RRCROP_SCALE."""
    clean_cfg(cfg, "ToyTrainer")
    del cfg.INPUT["RRCROP_SCALE"], cfg.DATALOADER["CACHE_MB"], cfg.MODEL["HEAD"]
    cfg.INPUT.TRANSFORMS = ("random_resized_crop",)
    cfg.freeze()
    trainer = build_trainer(cfg)
    assert trainer.cfg is cfg and cfg.is_frozen() and list(cfg.TRAINER) == ["NAME"]
    assert cfg.INPUT.RRCROP_SCALE == (0.08, 1.0) and cfg.MODEL.HEAD.DROPOUT == 0.0
    trainer.train()


def test_what_a_configuration_has_stays(cfg):
    before = cfg.clone()
    complete(cfg)
    assert cfg == before
