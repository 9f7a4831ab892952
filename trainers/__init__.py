"""The trainers, by the names of Dassl's registry: one file a method."""

from yacs.config import CfgNode

from trainers import cocoop, coop, ivlp, maple, promptsrc, regulation, vpt, zeroshot

__all__ = ["cocoop", "coop", "extend_cfg", "ivlp", "maple", "promptsrc", "regulation", "vpt", "zeroshot"]


def extend_cfg(cfg: CfgNode) -> None:
    """Add every method's config node, and the one of self-regulation, to Dassl's defaults."""
    for method in (coop, cocoop, maple, ivlp, vpt, promptsrc, regulation):
        method.extend_cfg(cfg)
