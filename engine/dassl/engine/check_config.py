"""Checks of a configuration, before anything is loaded."""

from typing import Any

from yacs.config import CfgNode

from dassl.evaluation import EVALUATOR_REGISTRY
from dassl.optim.lr_scheduler import AVAI_SCHEDS, AVAI_WARMUPS
from dassl.optim.optimizer import AVAI_OPTIMS

AT_LEAST = {
    "OPTIM.MAX_EPOCH": 1,
    "OPTIM.LR": 0,
    "OPTIM.MOMENTUM": 0,
    "OPTIM.WEIGHT_DECAY": 0,
    "OPTIM.WARMUP_CONS_LR": 0,
    "OPTIM.WARMUP_MIN_LR": 0,
    "TRAIN.PRINT_FREQ": 1,
    "DATALOADER.NUM_WORKERS": 0,
    "DATALOADER.CACHE_MB": 0,
    "DATALOADER.K_TRANSFORMS": 1,
    "DATALOADER.TRAIN_X.BATCH_SIZE": 1,
    "DATALOADER.TRAIN_X.N_DOMAIN": 0,
    "DATALOADER.TRAIN_X.N_INS": 1,
    "DATALOADER.TEST.BATCH_SIZE": 1,
}


def check_config(cfg: CfgNode) -> None:
    """
    Raises:
        ValueError: a value would be ignored, or fail later.
    """
    choices = {
        "TEST.FINAL_MODEL": ["last_step", "best_val"],
        "TEST.SPLIT": ["val", "test"],
        "TEST.EVALUATOR": EVALUATOR_REGISTRY.registered_names(),
        "OPTIM.NAME": AVAI_OPTIMS,
        "OPTIM.LR_SCHEDULER": AVAI_SCHEDS,
        "OPTIM.WARMUP_TYPE": AVAI_WARMUPS,
    }
    for key, allowed in choices.items():
        if (value := _value(cfg, key)) not in allowed:
            raise ValueError(f"{key} is {value!r}; choose one of {', '.join(allowed)}")
    for key, least in AT_LEAST.items():
        if (value := _value(cfg, key)) < least:
            raise ValueError(f"{key} is {value}; it must be at least {least}")
    for key in ("INPUT.PIXEL_MEAN", "INPUT.PIXEL_STD"):
        value = _value(cfg, key)
        if len(value) != 3 or not all(isinstance(number, int | float) for number in value):
            raise ValueError(f"{key} is {value}; it takes three numbers: red, green, blue")
    size = cfg.INPUT.SIZE
    if len(size) != 2 or not all(isinstance(number, int) and number >= 1 for number in size):
        raise ValueError(
            f"INPUT.SIZE is {size}; it takes height and width in pixels, such as (224, 224)"
        )


def _value(cfg: CfgNode, key: str) -> Any:
    for name in key.split("."):
        cfg = cfg[name]
    return cfg
