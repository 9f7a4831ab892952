from typing import Any

from yacs.config import CfgNode

from dassl.utils.registry import Registry
from dassl.utils.tools import check_availability

TRAINER_REGISTRY = Registry("TRAINER")


def build_trainer(cfg: CfgNode, name: str | None = None) -> Any:
    """The trainer of this name, or the one named by TRAINER.NAME.

    Raises:
        ValueError: no trainer of that name is registered.
    """
    name = name or cfg.TRAINER.NAME
    check_availability(name, TRAINER_REGISTRY.registered_names())
    if cfg.VERBOSE:
        print(f"Loading trainer: {name}")
    return TRAINER_REGISTRY.get(name)(cfg)
