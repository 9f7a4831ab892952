"""What every prompt learner is: a module whose parameters are all that is trained and saved."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.openai import CLIP, VisionTransformer
from promptsrc.clip.text import PLACEHOLDER, Texts, class_texts, embed
from promptsrc.clip.tokens import name_tokens, readable, same_names
from promptsrc.clip.vectors import NO_VECTORS, Vectors, parts
from promptsrc.model import PromptedCLIP

INIT_STD = 0.02
MOST_LAYERS = 100  # no CLIP has more blocks
NOT_VECTORS = 4  # the shortest text around the vectors: SOS, a token of the name, full stop, EOT
MOST_WORDED_VECTORS = 4  # longer contexts of the deep methods ignore CTX_INIT and start at random

LEARNERS: dict[str, type["PromptLearner"]] = {}  # by class name, which prompt files hold


class PromptLearner(nn.Module):
    """Prompts for the two towers of a frozen CLIP.

    A learner is built as `Learner(clip, classnames, **settings)`: the CLIP to read sizes and
    embeddings from, the classes, and plain settings that its checkpoints repeat. It sets `prefix`
    and overrides `text`, `image` or both. Its state dict is its checkpoint. Every subclass is
    known by its name, so prompt files of one's own method load like the shipped ones.
    """

    prefix = "a photo of a"  # the words before a class name, learned or not
    per_class: tuple[str, ...] = ()  # tensors with a row per class, matched by name
    class_axes: Mapping[str, int] = {}  # of those whose classes are not on the first axis
    are_trained = True  # its classes; whether they are among those of the file that was loaded

    classnames: list[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        known = LEARNERS.setdefault(cls.__name__, cls)
        if known.__module__ != cls.__module__:
            raise ValueError(
                f"{cls.__module__} has a learner {cls.__name__}, which {known.__module__} has too; "
                "prompt files name learners, so choose another name"
            )
        LEARNERS[cls.__name__] = cls

    def __init__(self, classnames: Sequence[str]):
        super().__init__()
        self.classnames = list(classnames)

    @property
    def text(self) -> Vectors:
        """Vectors of the text tower by block: (n, W), or (C, n, W) to differ by class."""
        return NO_VECTORS

    @property
    def image(self) -> Vectors:
        """Vectors (n, W) of the image tower by block."""
        return NO_VECTORS

    def match_classes(
        self, state: dict[str, Tensor], trained_on: list[str] | None, source: str | Path
    ) -> dict[str, Tensor]:
        """A checkpoint's tensors for the classes of this learner: rows per class, by class name.

        Names are compared as CLIP reads them.

        Override it where only the classes trained on have a part, such as a second head: for
        other names remove that part and its tensors.

        Args:
            trained_on: the class names of the checkpoint; None if it does not say them.

        Raises:
            ValueError: a class of this learner has no row of its own, or the file names another
                number of classes than it has rows.
        """
        found = [key for key in self.per_class if key in state]
        if not found or trained_on is None or same_names(trained_on, self.classnames):
            return state
        trained = [name_tokens(name) for name in trained_on]
        here = [name_tokens(name) for name in self.classnames]
        times = Counter(trained)
        if wrong := [key for key in found if self.classes_in(key, state) != len(trained)]:
            raise ValueError(
                f"{source} names {len(trained)} classes, but its {wrong[0]} is for "
                f"{self.classes_in(wrong[0], state)}; it is damaged"
            )
        for name, ids in zip(self.classnames, here, strict=True):
            if not times[ids]:
                raise ValueError(
                    f"{source} has learned something for each class, but not for {name!r}; it "
                    f"knows {', '.join(trained_on[:10])}{', ...' if len(trained_on) > 10 else ''}"
                )
            if times[ids] > 1:
                raise ValueError(
                    f"{source} has learned something for each class, and {times[ids]} are called "
                    f"{name!r}; take all its classes, in its order"
                )
        rows = [trained.index(ids) for ids in here]
        axes = {key: self.class_axes.get(key, 0) for key in found}
        chosen = torch.tensor(rows)
        return state | {key: state[key].index_select(axis, chosen) for key, axis in axes.items()}

    def classes_in(self, key: str, state: Mapping[str, Tensor]) -> int:
        """How many classes a tensor of `per_class` is for; 0 if it lacks their axis."""
        return dict(enumerate(state[key].shape)).get(self.class_axes.get(key, 0), 0)

    def texts(self, clip: CLIP) -> Texts:
        """The texts that text vectors enter: `<prefix> <name>.`, those of block 0 after SOS."""
        first, *_ = parts(self.text)
        places = 0 if first is None else first.shape[-2]
        return embed(clip, class_texts(self.classnames, self.prefix), places)

    def student(self, frozen: FrozenCLIP) -> PromptedCLIP:
        """The classifier that these prompts make of a frozen CLIP."""
        return PromptedCLIP(frozen, self)


def find_learner(name: str, module: str | None = None) -> Callable[..., PromptLearner]:
    """A learner by its name; of one's own method, from its file in the project's `trainers/`.

    No other module is imported on a file's word.

    Raises:
        ValueError: it is unknown, or its module cannot be imported.
    """
    if name not in LEARNERS and module and re.fullmatch(r"trainers\.\w+", module):
        try:
            import_module(module)
        except ImportError as error:
            raise ValueError(
                f"learner {name} is in {module}, which cannot be imported here ({error}); run from "
                "the folder that has trainers/"
            ) from None
    if name not in LEARNERS:
        raise ValueError(
            f"learner {name!r} is not one of {', '.join(LEARNERS)}; if it is your own, import its "
            "module first"
        )
    return LEARNERS[name]


def add_parameters(root: nn.Module, paths: Iterable[str], values: Iterable[nn.Parameter]) -> None:
    """Add parameters under dotted names, with the empty modules on the way."""
    for path, value in zip(paths, values, strict=True):
        module, (*parents, leaf) = root, path.split(".")
        for parent in parents:
            if not hasattr(module, parent):
                module.add_module(parent, nn.Module())
            module = getattr(module, parent)
        module.register_parameter(leaf, value)


def random_vectors(*shape: int) -> nn.Parameter:
    """A start without words: N(0, 0.02^2)."""
    return nn.Parameter(INIT_STD * torch.randn(*shape))


def placeholders(clip: CLIP, n: int) -> str:
    """The prefix of n vectors without words.

    Raises:
        ValueError: no room is left for a class name.
    """
    if n > (most := clip.context_length - NOT_VECTORS):
        raise ValueError(
            f"{n} text vectors (N_CTX, N_CTX_TEXT) leave no room for a class name; take at most "
            f"{most}"
        )
    return " ".join([PLACEHOLDER] * n)


def word_vectors(clip: CLIP, words: str, n: int) -> Tensor:
    """Embeddings (n, W) at positions 1..n of the tokenised words; later words stay text, frozen.

    Raises:
        ValueError: fewer than n tokens, so that vectors would overwrite the class name.
    """
    texts = embed(clip, [readable(words)])
    found = int(texts.eot[0]) - 1
    if found < n:
        raise ValueError(
            f"CTX_INIT {words!r} has {found} tokens for {n} context vectors; give at least {n} "
            "words, or an empty CTX_INIT for a random start"
        )
    return texts.embeddings[0, 1 : 1 + n]


def first_layer(clip: CLIP, n: int, words: str) -> tuple[str, nn.Parameter]:
    """Prefix and text vectors (n, W) of block 0 of the deep methods: words where n <= 4.

    Raises:
        ValueError: fewer words than vectors.
    """
    if words and n <= MOST_WORDED_VECTORS:
        return readable(words), nn.Parameter(word_vectors(clip, words, n))
    return placeholders(clip, n), random_vectors(n, clip.ln_final.weight.shape[0])


def image_tower(clip: CLIP) -> tuple[int, int]:
    """Width and number of blocks of the image tower.

    Raises:
        ValueError: it is a ResNet, which has no tokens to put prompts beside.
    """
    if not isinstance(clip.visual, VisionTransformer):
        raise ValueError(
            "image prompts need a ViT backbone (ViT-B/16, ViT-B/32, ViT-L/14, ViT-L/14@336px); "
            "this one is a ResNet, which CoOp, CoCoOp and zero-shot CLIP take"
        )
    return clip.visual.conv1.weight.shape[0], clip.visual.transformer.layers


def context_of_words(clip: CLIP, words: str) -> nn.Parameter:
    """A context (n, W) with one vector per word (CoOp, CoCoOp).

    Raises:
        ValueError: a word is not one token, so that words and vectors do not match.
    """
    words = readable(words)
    n, tokens = len(words.split(" ")), int(embed(clip, [words]).eot[0]) - 1
    if n != tokens:
        raise ValueError(
            f"CTX_INIT {words!r} has {n} words but {tokens} tokens; take words of one token each, "
            "with one space between them, or an empty CTX_INIT for a random start"
        )
    return nn.Parameter(word_vectors(clip, words, n))
