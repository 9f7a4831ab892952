"""The configuration that all plug-ins share."""

from yacs.config import CfgNode

from dassl.config.defaults import default_config

__all__ = ["clean_cfg", "get_cfg_default"]


def get_cfg_default() -> CfgNode:
    """A fresh configuration with every default."""
    return default_config()


def clean_cfg(cfg: CfgNode, trainer: str) -> None:
    """Drop the nodes of all trainers but this one."""
    for key in [key for key in cfg.TRAINER if key not in ("NAME", trainer.upper())]:
        del cfg.TRAINER[key]
