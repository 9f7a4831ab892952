"""One look at a configuration before anything is loaded."""

from functools import reduce
from operator import getitem
from typing import Any

from yacs.config import CfgNode

from dassl.evaluation import EVALUATOR_REGISTRY
from dassl.optim.lr_scheduler import AVAI_SCHEDS, AVAI_WARMUPS
from dassl.optim.optimizer import AVAI_OPTIMS

LOWEST = {
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


def check_settings(cfg: CfgNode) -> None:
    """
    Raises:
        ValueError: a value that training or test would pass over in silence, or stumble on later.
    """
    for key, choices in _choices().items():
        if (value := _at(cfg, key)) not in choices:
            raise ValueError(f"{key} is {value!r}; choose one of {', '.join(choices)}")
    for key, least in LOWEST.items():
        if (value := _at(cfg, key)) < least:
            raise ValueError(f"{key} is {value}; it must be at least {least}")
    for key in ("PIXEL_MEAN", "PIXEL_STD"):
        _check_numbers(
            f"INPUT.{key}", cfg.INPUT[key], "three numbers: red, green, blue", 3, int | float
        )
    _check_numbers(
        "INPUT.SIZE", cfg.INPUT.SIZE, "height and width in pixels, such as (224, 224)", 2, int, 1
    )


def _choices() -> dict[str, list[str]]:
    return {
        "TEST.FINAL_MODEL": ["last_step", "best_val"],
        "TEST.SPLIT": ["val", "test"],
        "TEST.EVALUATOR": EVALUATOR_REGISTRY.registered_names(),
        "OPTIM.NAME": AVAI_OPTIMS,
        "OPTIM.LR_SCHEDULER": AVAI_SCHEDS,
        "OPTIM.WARMUP_TYPE": AVAI_WARMUPS,
    }


def _at(cfg: CfgNode, key: str) -> Any:
    return reduce(getitem, key.split("."), cfg)


def _check_numbers(
    key: str, value: Any, meaning: str, count: int, kind: Any, least: float = float("-inf")
) -> None:
    if len(value) != count or not all(
        isinstance(number, kind) and number >= least for number in value
    ):
        raise ValueError(f"{key} is {value}; it takes {meaning}")
