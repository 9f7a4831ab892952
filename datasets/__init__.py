"""The datasets, by the names of Dassl's registry: Emoji."""

from yacs.config import CfgNode

from datasets import emoji

__all__ = ["emoji", "extend_cfg"]


def extend_cfg(cfg: CfgNode) -> None:
    """Add to Dassl's DATASET node what the datasets here understand besides."""
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"  # all, base (the first half of the labels, rounded up), new (the rest)
