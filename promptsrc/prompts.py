"""The learned part: context vectors of both towers, a layer at a time (IVLP, VPT and PromptSRC).

The parameters carry the names that checkpoints of this field have:

    prompt_learner.ctx                                           text, block 0
    text_encoder.transformer.resblocks.<i>.VPT_shallow           text, block i = 1 .. depth-1
    image_encoder.VPT                                            image, block 0
    image_encoder.transformer.resblocks.<i>.VPT_shallow          image, block i = 1 .. depth-1
"""

import torch
from clip.model import CLIP
from torch import Tensor, nn

from promptsrc.text import PLACEHOLDER, embed, readable

INIT_STD = 0.02
MOST_WORDED_VECTORS = 4  # longer contexts start at random, whatever CTX_INIT says


class DeepPrompts(nn.Module):
    """Deep prompts of both towers; the only state of a run.

    Args:
        clip: the frozen CLIP whose blocks the prompts are for; only its sizes and, for the words, its token embedding are
            read.
        n_text, depth_text: vectors a layer and layers of the text tower (0, 0: none).
        n_image, depth_image: the same of the image tower. A depth beyond the tower's blocks means all of them.
        ctx_init: words that layer 0's text context starts from, where `n_text` <= 4.

    Raises:
        ValueError: a negative depth, a layer without vectors, or fewer words than vectors.
    """

    def __init__(self, clip: CLIP, n_text: int, depth_text: int, n_image: int, depth_image: int, ctx_init: str = ""):
        super().__init__()
        text_width = clip.ln_final.weight.shape[0]
        image_width = clip.visual.conv1.weight.shape[0]
        depth_text = _checked_depth("text", n_text, depth_text, clip.transformer.layers)
        depth_image = _checked_depth("image", n_image, depth_image, _image_blocks(clip))
        self._text_names = _layer_names("prompt_learner.ctx", "text_encoder", depth_text)
        self._image_names = _layer_names("image_encoder.VPT", "image_encoder", depth_image)
        for name in self._text_names:
            _register(self, name, INIT_STD * torch.randn(n_text, text_width))
        for name in self._image_names:
            _register(self, name, INIT_STD * torch.randn(n_image, image_width))
        self.prefix = " ".join([PLACEHOLDER] * n_text)
        if depth_text and ctx_init and n_text <= MOST_WORDED_VECTORS:
            self.prefix = readable(ctx_init)
            self.text[0].data.copy_(word_vectors(clip, ctx_init, n_text))

    @property
    def text(self) -> list[Tensor]:
        """Text vectors (n, W) of block 0, 1, ..."""
        return [self.get_parameter(name) for name in self._text_names]

    @property
    def image(self) -> list[Tensor]:
        """Image vectors (n, W) of block 0, 1, ..."""
        return [self.get_parameter(name) for name in self._image_names]


def word_vectors(clip: CLIP, words: str, n: int) -> Tensor:
    """Embeddings (n, W) at positions 1..n of the tokenised words; words behind the n-th stay in the text, frozen.

    Raises:
        ValueError: the words give fewer than n tokens, so that vectors would overwrite the class name.
    """
    rows = embed(clip, [readable(words)])
    found = int(rows.eot[0]) - 1
    if found < n:
        raise ValueError(
            f"CTX_INIT {words!r} has {found} tokens for {n} context vectors; give at least {n} words, or an empty "
            "CTX_INIT for a random start"
        )
    return rows.embeddings[0, 1 : 1 + n]


def _checked_depth(tower: str, n: int, depth: int, blocks: int) -> int:
    if depth < 0 or n < 0:
        raise ValueError(f"{tower} prompts: {n} vectors, {depth} layers deep; neither may be negative")
    if depth and not n:
        raise ValueError(f"{tower} prompts are {depth} layers deep with 0 vectors; set the vectors, or depth 0")
    return min(depth, blocks)


def _image_blocks(clip: CLIP) -> int:
    return clip.visual.transformer.layers if hasattr(clip.visual, "transformer") else 0


def _layer_names(first: str, tower: str, depth: int) -> list[str]:
    deeper = [f"{tower}.transformer.resblocks.{i}.VPT_shallow" for i in range(1, depth)]
    return [first, *deeper] if depth else []


def _register(root: nn.Module, path: str, value: Tensor) -> None:
    """Add a parameter under a dotted name, with the empty modules on the way."""
    *parents, leaf = path.split(".")
    for parent in parents:
        if not hasattr(root, parent):
            root.add_module(parent, nn.Module())
        root = getattr(root, parent)
    root.register_parameter(leaf, nn.Parameter(value))
