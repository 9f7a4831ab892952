"""A learned context around the class name, at the input of the text tower (CoOp, arXiv 2109.01134,
section 3.2).

t_c = [SOS] [v_1] ... [v_n] [name_c] . [EOT]                                position "end"
t_c = [SOS] [v_1] ... [v_n/2] [name_c] [v_n/2+1] ... [v_n] . [EOT]          "middle"
t_c = [SOS] [name_c] [v_1] ... [v_n] . [EOT]                                "front"
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import Texts, tokenize
from promptsrc.clip.tokens import readable
from promptsrc.clip.vectors import Vectors
from promptsrc.prompts.learner import (
    PromptLearner,
    context_of_words,
    placeholders,
    random_vectors,
)

POSITIONS = ("end", "middle", "front")


class ContextPrompts(PromptLearner):
    """One context for all classes, `ctx` (n, W), or one per class, (C, n, W).

    Args:
        n: vectors; with `ctx_init` as many as it has words.
        ctx_init: words that a context for all classes starts from.
        classes: above 0, each class gets a context of its own (CSC).
        position: where the name stands among the vectors.

    Raises:
        ValueError: an unknown position, no vectors, or a word that is not one token.
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
        super().__init__(classnames)
        if position not in POSITIONS:
            raise ValueError(
                f"CLASS_TOKEN_POSITION is {position!r}; choose one of {', '.join(POSITIONS)}"
            )
        if n < 1 and not ctx_init:
            raise ValueError(f"N_CTX is {n}; it must be at least 1")
        width = clip.ln_final.weight.shape[0]
        if ctx_init:
            self.ctx = context_of_words(clip, ctx_init)
            self.prefix = readable(ctx_init)
        else:
            self.prefix = placeholders(clip, n)
            shape = (len(self.classnames), n, width) if classes else (n, width)
            self.ctx = random_vectors(*shape)
        self.per_class = ("ctx",) if self.ctx.dim() == 3 else ()
        self.position = position

    @property
    def text(self) -> Vectors:
        return {0: self.ctx}

    def texts(self, clip: CLIP) -> Texts:
        """The texts with the name at its position; token ids and EOT are those of "end"."""
        texts = super().texts(clip)
        if self.position == "end":
            return texts
        n, length = self.ctx.shape[-2], texts.embeddings.shape[1]
        names = tokenize([readable(name) for name in self.classnames]).argmax(-1) - 1  # (C,)
        before = n // 2 if self.position == "middle" else 0  # vectors before the name
        orders = [_order(n, int(name), before, length) for name in names]
        order = torch.stack(orders).to(texts.eot.device)  # (C, L)
        moved = texts.embeddings.gather(1, order[..., None].expand_as(texts.embeddings))
        return replace(texts, embeddings=moved, slots=order.argsort(1)[:, 1 : n + 1])


def _order(n: int, name: int, before: int, length: int) -> Tensor:
    """Which position of "SOS context name rest" comes 0th, 1st, ... (L,); `name` counts tokens."""
    context, named = torch.arange(1, n + 1), torch.arange(n + 1, n + 1 + name)
    rest = torch.arange(n + 1 + name, length)
    sos = torch.zeros(1, dtype=torch.long)
    return torch.cat([sos, context[:before], named, context[before:], rest])
