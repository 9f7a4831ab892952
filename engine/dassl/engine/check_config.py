"""Checks of the configuration before anything is loaded.

Only of what every training reads. Other keys are checked where they are used, since a plug-in may
use none of them, or have an optimizer or a schedule of its own.
"""

from collections.abc import Collection

from yacs.config import CfgNode

from dassl.utils.checks import in_range, one_of

AT_LEAST = {  # keys of a node
    "OPTIM": {"MAX_EPOCH": 0},
    "TRAIN": {"PRINT_FREQ": 1, "PATIENCE": 0},
    "DATALOADER": {"NUM_WORKERS": 0, "CACHE_MB": 0},
}
CHOICES = {"FINAL_MODEL": ["last_step", "best_val"], "SPLIT": ["val", "test"]}  # of TEST
READ_BY = {"FINAL_MODEL": "after_train", "SPLIT": "test"}  # a plug-in's own may take others


def check_config(cfg: CfgNode, overridden: Collection[str] = ()) -> None:
    """Check the configuration of a trainer.

    Args:
        overridden: methods of SimpleTrainer in whose place a plug-in has its own.

    Raises:
        ValueError: a value would be ignored, or fail later.
    """
    for key, method in READ_BY.items():
        if method not in overridden:
            one_of(f"TEST.{key}", cfg.TEST[key], CHOICES[key])
    for node, limits in AT_LEAST.items():
        for key, least in limits.items():
            in_range(f"{node}.{key}", cfg[node][key], least)
    size = cfg.INPUT.SIZE
    if len(size) != 2 or not all(isinstance(number, int) and number >= 1 for number in size):
        raise ValueError(
            f"INPUT.SIZE is {size}; it takes height and width in pixels, such as (224, 224)"
        )
