"""The trainers, by the names of Dassl's registry: one file a method.

Every module in this folder is imported, so a file of one's own is all that a new method needs.
"""

import pkgutil
from importlib import import_module

from yacs.config import CfgNode

MODULES = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]


def extend_cfg(cfg: CfgNode) -> None:
    """Add the config nodes of all modules that have an `extend_cfg` to Dassl's defaults."""
    for module in MODULES:
        if hasattr(module, "extend_cfg"):
            module.extend_cfg(cfg)
