"""Vectors for each layer of both towers (IVLP and PromptSRC, arXiv 2307.06948, section 3.1; VPT,
arXiv 2203.12119).

The parameters have the names that published checkpoints have:

    prompt_learner.ctx                                           text, block 0
    text_encoder.transformer.resblocks.<i>.VPT_shallow           text, block i = 1 .. depth-1
    image_encoder.VPT                                            image, block 0
    image_encoder.transformer.resblocks.<i>.VPT_shallow          image, block i = 1 .. depth-1
"""

from collections.abc import Sequence

from promptsrc.clip.openai import CLIP
from promptsrc.clip.vectors import Vectors
from promptsrc.prompts.learner import (
    MOST_LAYERS,
    PromptLearner,
    add_parameters,
    first_layer,
    image_tower,
    random_vectors,
)

MOST_IMAGE_VECTORS = 1000  # no CLIP has more patches; a text's positions limit its vectors


class DeepPrompts(PromptLearner):
    """Deep prompts of both towers, or of one.

    Args:
        n_text, depth_text: vectors per layer and layers of the text tower (0, 0: none).
        n_image, depth_image: the same of the image tower. A depth beyond the tower's blocks means
            all of them.
        ctx_init: words that layer 0's text context starts from, where `n_text` <= 4.

    Raises:
        ValueError: a negative depth, a layer without vectors, or fewer words than vectors.
    """

    def __init__(
        self,
        clip: CLIP,
        classnames: Sequence[str],
        n_text: int,
        depth_text: int,
        n_image: int,
        depth_image: int,
        ctx_init: str = "",
    ):
        super().__init__(classnames)
        depth_text = _checked_depth("text", n_text, depth_text, clip.transformer.layers)
        self._text_names = _layer_names("prompt_learner.ctx", "text_encoder", depth_text)
        if depth_text:
            self.prefix, first = first_layer(clip, n_text, ctx_init)
            deeper = [random_vectors(*first.shape) for _ in range(depth_text - 1)]
            add_parameters(self, self._text_names, [first, *deeper])
        width, blocks = image_tower(clip) if depth_image else (0, 0)
        depth_image = _checked_depth("image", n_image, depth_image, blocks)
        self._image_names = _layer_names("image_encoder.VPT", "image_encoder", depth_image)
        vectors = [random_vectors(n_image, width) for _ in range(depth_image)]
        add_parameters(self, self._image_names, vectors)

    @property
    def text(self) -> Vectors:
        return {i: self.get_parameter(name) for i, name in enumerate(self._text_names)}

    @property
    def image(self) -> Vectors:
        return {i: self.get_parameter(name) for i, name in enumerate(self._image_names)}


def _checked_depth(tower: str, n: int, depth: int, blocks: int) -> int:
    keys = {"text": "TEXT", "image": "VISION"}[tower]
    said = f"{tower} prompts: {n} vectors (N_CTX_{keys}), {depth} layers deep (PROMPT_DEPTH_{keys})"
    if depth < 0 or n < 0:
        raise ValueError(f"{said}; neither may be negative")
    if depth > MOST_LAYERS:
        raise ValueError(f"{said}; take at most {MOST_LAYERS} layers")
    if tower == "image" and n > MOST_IMAGE_VECTORS:
        raise ValueError(f"{said}; take at most {MOST_IMAGE_VECTORS} vectors")
    if depth and not n:
        raise ValueError(f"{said}; set the vectors, or depth 0")
    return min(depth, blocks)


def _layer_names(first: str, tower: str, depth: int) -> list[str]:
    deeper = [f"{tower}.transformer.resblocks.{i}.VPT_shallow" for i in range(1, depth)]
    return [first, *deeper] if depth else []
