"""Image prompts that are projections of the text prompts (MaPLe, arXiv 2210.03117, section 3.2).

image vectors of block i = F_i(text vectors of block i), F_i linear, i = 0 .. J-1
"""

import copy

from torch import Tensor, nn

from promptsrc.clip.openai import CLIP
from promptsrc.prompts.learner import PromptLearner, first_layer, image_tower, random_vectors


class CoupledPrompts(PromptLearner):
    """Deep text vectors and a projection to image vectors for each layer.

        prompt_learner.ctx, prompt_learner.proj                                                  block 0
        prompt_learner.compound_prompts_text.<j>, .compound_prompt_projections.<j>               block j+1

    Args:
        clip: the frozen CLIP; its sizes and, for the words, its token embedding are read.
        n: vectors a layer.
        depth: layers J that have vectors. A depth beyond a tower's blocks leaves vectors unused, as in published files.
        ctx_init: words that layer 0's text vectors start from, where n <= 4.

    Raises:
        ValueError: no layer, no vectors, a backbone that is no ViT, or fewer words than vectors.
    """

    def __init__(self, clip: CLIP, n: int, depth: int, ctx_init: str = ""):
        super().__init__()
        if depth < 1 or n < 1:
            raise ValueError(
                f"MaPLe's prompts: {n} vectors (N_CTX), {depth} layers (PROMPT_DEPTH); both start at 1"
            )
        text_width, (image_width, _) = clip.ln_final.weight.shape[0], image_tower(clip)
        deep = nn.Linear(text_width, image_width)  # all deep projections start as one
        self.prompt_learner = learner = nn.Module()
        self.prefix, learner.ctx = first_layer(clip, n, ctx_init)
        learner.proj = nn.Linear(text_width, image_width)
        learner.compound_prompts_text = nn.ParameterList(
            random_vectors(n, text_width) for _ in range(depth - 1)
        )
        learner.compound_prompt_projections = nn.ModuleList(
            copy.deepcopy(deep) for _ in range(depth - 1)
        )

    @property
    def text(self) -> list[Tensor]:
        return [self.prompt_learner.ctx, *self.prompt_learner.compound_prompts_text]

    @property
    def image(self) -> list[Tensor]:
        projections = [self.prompt_learner.proj, *self.prompt_learner.compound_prompt_projections]
        return [project(vectors) for project, vectors in zip(projections, self.text, strict=True)]
