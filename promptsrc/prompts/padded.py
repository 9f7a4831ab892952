"""A context of which only the last vectors start from words (ProGrad, arXiv 2205.14865).

v_1 .. v_n = 0 .. 0, e(words)_1 .. e(words)_w     w words, n >= w
t_c = [SOS] [v_1] ... [v_n] [left-over tokens] [name_c] . [EOT]

A comma makes more tokens than words. Those without a vector stay in the text, frozen.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import nn

from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import PLACEHOLDER
from promptsrc.clip.tokens import readable
from promptsrc.prompts.context import ContextPrompts
from promptsrc.prompts.learner import word_vectors


class PaddedPrompts(ContextPrompts):
    """A context `ctx` (n, W); without words as in CoOp, perhaps one per class.

    Raises:
        ValueError: more words than vectors, or what `ContextPrompts` refuses.
    """

    def __init__(
        self,
        clip: CLIP,
        classnames: Sequence[str],
        n: int,
        ctx_init: str = "",
        classes: int = 0,
        position: str = "end",
    ):
        super().__init__(clip, classnames, n, "", classes, position)
        words = readable(ctx_init).split()
        if n < len(words):
            raise ValueError(
                f"N_CTX is {n}, but the words {ctx_init!r} need {len(words)} vectors; give as many "
                "or more"
            )
        if words:
            start = word_vectors(clip, ctx_init, len(words))  # (w, W)
            self.ctx = nn.Parameter(F.pad(start, (0, 0, n - len(words), 0)))  # (n, W)
            self.prefix = " ".join([PLACEHOLDER] * (n - len(words)) + words)
