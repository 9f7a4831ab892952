"""The trainers, by the names of Dassl's registry: PromptSRC, IVLP, ZeroshotCLIP, ZeroshotCLIP2."""

from yacs.config import CfgNode

from trainers import ivlp, promptsrc, zeroshot

__all__ = ["extend_cfg", "ivlp", "promptsrc", "zeroshot"]


def extend_cfg(cfg: CfgNode) -> None:
    """Add every method's config node to Dassl's defaults."""
    for method in (ivlp, promptsrc):
        method.extend_cfg(cfg)
