"""The configuration that all plug-ins share."""

from yacs.config import CfgNode

from dassl.config.defaults import _C as cfg_default

__all__ = ["cfg_default", "clean_cfg", "get_cfg_default"]


def get_cfg_default() -> CfgNode:
    """A fresh configuration with every default; what is set in `cfg_default` is one."""
    return cfg_default.clone()


def clean_cfg(cfg: CfgNode, trainer: str) -> None:
    """Drop the nodes of all trainers but this one."""
    for key in [key for key in cfg.TRAINER if key not in ("NAME", trainer.upper())]:
        del cfg.TRAINER[key]
