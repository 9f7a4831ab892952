"""Image prompts that are projections of the text prompts (MaPLe, arXiv 2210.03117, section 3.2).

image vectors of block i = F_i(text vectors of block i), F_i linear, i = 0 .. J-1
"""

import copy
from collections.abc import Sequence

from torch import Tensor, nn

from promptsrc.clip.openai import CLIP
from promptsrc.clip.vectors import Vectors
from promptsrc.prompts.learner import (
    MOST_LAYERS,
    PromptLearner,
    first_layer,
    image_tower,
    random_vectors,
)


class _Named(nn.Module):
    """What published checkpoints keep under `prompt_learner.`"""

    ctx: nn.Parameter
    proj: nn.Linear
    compound_prompts_text: nn.ParameterList
    compound_prompt_projections: nn.ModuleList


class CoupledPrompts(PromptLearner):
    """Deep text vectors, and a projection per layer that makes image vectors of them.

        block 0      prompt_learner.ctx                          prompt_learner.proj
        block j+1    prompt_learner.compound_prompts_text.<j>    .compound_prompt_projections.<j>

    Args:
        n: vectors per layer.
        depth: layers J with vectors. As in published files, a depth beyond a tower's blocks
            leaves the vectors of the blocks it lacks unused.
        ctx_init: words that layer 0's text vectors start from, where n <= 4.

    Raises:
        ValueError: no layer, no vectors, a ResNet backbone, or fewer words than vectors.
    """

    def __init__(
        self, clip: CLIP, classnames: Sequence[str], n: int, depth: int, ctx_init: str = ""
    ):
        super().__init__(classnames)
        if depth < 1 or n < 1 or depth > MOST_LAYERS:
            raise ValueError(
                f"MaPLe's prompts: {n} vectors (N_CTX), {depth} layers (PROMPT_DEPTH); both must "
                f"be at least 1, and no more than {MOST_LAYERS} layers"
            )
        width, self._text_blocks = clip.ln_final.weight.shape[0], clip.transformer.layers
        image_width, self._image_blocks = image_tower(clip)
        deep = nn.Linear(width, image_width)  # all deep projections start as one
        self.prefix, ctx = first_layer(clip, n, ctx_init)
        self.prompt_learner = learner = _Named()
        learner.ctx = ctx
        learner.proj = nn.Linear(width, image_width)
        learner.compound_prompts_text = nn.ParameterList(
            random_vectors(n, width) for _ in range(depth - 1)
        )
        learner.compound_prompt_projections = nn.ModuleList(
            copy.deepcopy(deep) for _ in range(depth - 1)
        )

    @property
    def _learned(self) -> list[Tensor]:
        return [self.prompt_learner.ctx, *self.prompt_learner.compound_prompts_text]

    @property
    def text(self) -> Vectors:
        return dict(enumerate(self._learned[: self._text_blocks]))

    @property
    def image(self) -> Vectors:
        learner = self.prompt_learner
        projections = [learner.proj, *learner.compound_prompt_projections]
        made = [
            project(vectors) for project, vectors in zip(projections, self._learned, strict=True)
        ]
        return dict(enumerate(made[: self._image_blocks]))
