"""The modules of OpenAI's `clip` package that CLIP is built of. Import them from here only."""

from promptsrc.clip.package import modules_alone

with modules_alone():
    from clip.model import CLIP, QuickGELU, ResidualAttentionBlock, VisionTransformer

__all__ = ["CLIP", "QuickGELU", "ResidualAttentionBlock", "VisionTransformer"]
