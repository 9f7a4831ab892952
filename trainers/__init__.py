"""The trainers, by the names of Dassl's registry: one file a method."""

from yacs.config import CfgNode

from trainers import base, cocoop, coop, ivlp, maple, promptsrc, regulation, vpt, zeroshot

__all__ = [
    "cocoop",
    "coop",
    "extend_cfg",
    "ivlp",
    "maple",
    "promptsrc",
    "regulation",
    "vpt",
    "zeroshot",
]


def extend_cfg(cfg: CfgNode) -> None:
    """Add every method's config node, and what all of them read, to Dassl's defaults."""
    for part in (coop, cocoop, maple, ivlp, vpt, promptsrc, regulation, base):
        part.extend_cfg(cfg)
