"""What every prompt learner is: a module whose parameters are all that is trained and saved."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from promptsrc.clip.openai import CLIP, VisionTransformer
from promptsrc.clip.text import PLACEHOLDER, TextRows, class_texts, embed, readable

INIT_STD = 0.02
MOST_VECTORS = (
    73  # CLIP's texts have 77 positions; SOS, a token of the name, the full stop and EOT take four
)
MOST_WORDED_VECTORS = (
    4  # longer contexts of the deep methods start at random, whatever CTX_INIT says
)


class PromptLearner(nn.Module):
    """Vectors for the two towers of a frozen CLIP, by default none.

    A learner sets `prefix` and gives vectors as `text`, `image` or both; the names of its parameters are the keys of
    its checkpoints.
    """

    prefix = "a photo of a"  # the words in front of a class name, learned or not

    of_classes = False  # whether each class has vectors of its own (CSC)

    @property
    def text(self) -> Sequence[Tensor]:
        """Vectors (n, W), or (C, n, W) with vectors of its own for each class, of text block 0, 1, ..."""
        return ()

    @property
    def image(self) -> Sequence[Tensor]:
        """Vectors (n, W) of image block 0, 1, ..."""
        return ()

    def rows(self, clip: CLIP, classnames: Sequence[str]) -> TextRows:
        """The texts that the text vectors are put into: `<prefix> <name>.`, the vectors right behind SOS."""
        return embed(clip, class_texts(classnames, self.prefix))


def random_vectors(*shape: int) -> nn.Parameter:
    """A start without words: N(0, 0.02^2)."""
    return nn.Parameter(INIT_STD * torch.randn(*shape))


def placeholders(n: int) -> str:
    """The prefix of n vectors without words.

    Raises:
        ValueError: there is no room for a class name behind them.
    """
    if n > MOST_VECTORS:
        raise ValueError(
            f"{n} text vectors (N_CTX, N_CTX_TEXT) leave no room for a class name; take at most {MOST_VECTORS}"
        )
    return " ".join([PLACEHOLDER] * n)


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


def first_layer(clip: CLIP, n: int, words: str) -> tuple[str, nn.Parameter]:
    """Prefix and text vectors (n, W) of block 0 of the deep methods: from words where there are some and n <= 4.

    Raises:
        ValueError: fewer words than vectors.
    """
    if words and n <= MOST_WORDED_VECTORS:
        return readable(words), nn.Parameter(word_vectors(clip, words, n))
    return placeholders(n), random_vectors(n, clip.ln_final.weight.shape[0])


def image_tower(clip: CLIP) -> tuple[int, int]:
    """Width and number of blocks of the tower that image prompts go into.

    Raises:
        ValueError: it is a ResNet, which has no tokens to put prompts beside.
    """
    if not isinstance(clip.visual, VisionTransformer):
        raise ValueError(
            "image prompts need a ViT backbone (ViT-B/16, ViT-B/32, ViT-L/14, ViT-L/14@336px); this one is a ResNet, "
            "which CoOp, CoCoOp and zero-shot CLIP take"
        )
    return clip.visual.conv1.weight.shape[0], clip.visual.transformer.layers


def context_of_words(clip: CLIP, words: str) -> nn.Parameter:
    """A context (n, W) that has as many vectors as there are words (CoOp, CoCoOp).

    Raises:
        ValueError: a word is not one token, so that words and vectors do not match.
    """
    words = readable(words)
    n, tokens = len(words.split(" ")), int(embed(clip, [words]).eot[0]) - 1
    if n != tokens:
        raise ValueError(
            f"CTX_INIT {words!r} has {n} words but {tokens} tokens; take words of one token each, with one space "
            "between them, or an empty CTX_INIT for a random start"
        )
    return nn.Parameter(word_vectors(clip, words, n))
