"""The trainers, by the names of Dassl's registry: one file a method.

Importing `trainers.register` makes their names known. It imports every module in this folder, so a
file of one's own is all that a new method needs.
"""

import pkgutil
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yacs.config import CfgNode


def extend_cfg(cfg: "CfgNode") -> None:
    """Add the config nodes of all modules that have an `extend_cfg` to Dassl's defaults.

    Only modules that mention it are imported: most import PyTorch, which takes seconds. If it is
    imported already, all are, and the trainers' names are known.
    """
    if "torch" in sys.modules:
        import_module("trainers.register")
    for found in pkgutil.iter_modules(__path__):
        name = f"{__name__}.{found.name}"
        spec = find_spec(name)
        if spec and spec.origin and "extend_cfg" in Path(spec.origin).read_text(encoding="utf-8"):
            import_module(name).extend_cfg(cfg)
