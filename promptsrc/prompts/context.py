"""Learned words around a class name, at the input of the text tower only (CoOp, arXiv 2109.01134, section 3.2).

t_c = [SOS] [v_1] ... [v_n] [name_c] . [EOT]        position "end"
t_c = [SOS] [v_1] ... [v_n/2] [name_c] [v_n/2+1] ... [v_n] . [EOT]        "middle"
t_c = [SOS] [name_c] [v_1] ... [v_n] . [EOT]        "front"
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import TextRows, readable, tokenize
from promptsrc.prompts.learner import PromptLearner, context_of_words, placeholders, random_vectors

POSITIONS = ("end", "middle", "front")


class ContextPrompts(PromptLearner):
    """One context for all classes, `ctx` (n, W), or one for each, (C, n, W).

    Args:
        clip: the frozen CLIP; only the text tower's width and, for the words, its token embedding are read.
        n: vectors; with `ctx_init` as many as it has words.
        ctx_init: words that a context for all classes starts from.
        classes: their number, where each is to have a context of its own; such a context fits these classes only.
        position: where the name stands among the vectors.

    Raises:
        ValueError: an unknown position, no vectors, or a word that is not one token.
    """

    def __init__(
        self, clip: CLIP, n: int, ctx_init: str = "", classes: int = 0, position: str = "end"
    ):
        super().__init__()
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
            self.prefix = placeholders(n)
            self.ctx = random_vectors(classes, n, width) if classes else random_vectors(n, width)
        self.of_classes = self.ctx.dim() == 3
        self.position = position

    @property
    def text(self) -> list[Tensor]:
        return [self.ctx]

    def rows(self, clip: CLIP, classnames: Sequence[str]) -> TextRows:
        """The texts with the name at its position; token ids and EOT are those of position "end".

        Raises:
            ValueError: each class has a context of its own, and these are not so many classes.
        """
        if self.of_classes and len(self.ctx) != len(classnames):
            raise ValueError(
                f"each of {len(self.ctx)} classes has learned a context of its own (CSC); {len(classnames)} class names "
                "do not fit them"
            )
        rows = super().rows(clip, classnames)
        if self.position == "end":
            return rows
        n, length = self.ctx.shape[-2], rows.embeddings.shape[1]
        names = (
            tokenize([readable(name) for name in classnames]).argmax(-1) - 1
        )  # tokens of each name (C,)
        before = n // 2 if self.position == "middle" else 0  # vectors in front of the name
        order = torch.stack([_order(n, int(name), before, length) for name in names]).to(
            rows.eot.device
        )  # (C, L)
        moved = rows.embeddings.gather(1, order[..., None].expand_as(rows.embeddings))
        return replace(rows, embeddings=moved, slots=order.argsort(1)[:, 1 : n + 1])


def _order(n: int, name: int, before: int, length: int) -> Tensor:
    """Which position of the text "SOS context name rest" comes 0th, 1st, ... (L,)."""
    context, named = torch.arange(1, n + 1), torch.arange(n + 1, n + 1 + name)
    rest = torch.arange(n + 1 + name, length)
    return torch.cat(
        [torch.zeros(1, dtype=torch.long), context[:before], named, context[before:], rest]
    )
