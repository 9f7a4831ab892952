"""The configuration that all plug-ins share."""

import copy

from yacs.config import CfgNode

from dassl.config.defaults import _C as cfg_default

__all__ = ["cfg_default", "clean_cfg", "complete", "get_cfg_default"]


def get_cfg_default() -> CfgNode:
    """A fresh configuration with every default; what is set in `cfg_default` is one."""
    return cfg_default.clone()


def complete(cfg: CfgNode, defaults: CfgNode = cfg_default) -> None:
    """Give a configuration the default of each key that it lacks, also a frozen one.

    Plug-ins that bring the whole configuration of another release of Dassl lack some. The keys of
    methods are left alone: a plug-in has its own, and `clean_cfg` drops them.
    """
    for key, value in defaults.items():
        held = cfg.setdefault(key, copy.deepcopy(value))
        if isinstance(value, CfgNode) and key != "TRAINER":
            complete(held, value)


def clean_cfg(cfg: CfgNode, trainer: str) -> None:
    """Drop the nodes of all trainers but this one."""
    for key in [key for key in cfg.TRAINER if key not in ("NAME", trainer.upper())]:
        del cfg.TRAINER[key]
