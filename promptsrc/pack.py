"""Several runs through one frozen CLIP at a time: their prompts differ, its weights do not.

    run 1   images (B, ...)   vectors (n, W)  ─┐                   ┌─  features (B, D)
    run 2   images (B, ...)   vectors (n, W)  ─┤  (N B, ...)       ├─  features (B, D)
    run N   images (B, ...)   vectors (n, W)  ─┘  one tower call   └─  features (B, D)

A GPU that waits for the host gets N times the work from the same kernel calls. Rows of different
runs never meet in a tower, so each run has the features that it has alone, up to rounding, and the
gradient of the sum of all losses is for each run the gradient of its own.

    packed = PackedTowers(frozen)
    texts = [learner.texts(frozen.clip) for learner in learners]
    class_features = packed.encode_text(texts, [learner.text for learner in learners])
    image_features = packed.encode_image(batches, [learner.image for learner in learners])

What differs in sizes is encoded apart: other numbers of vectors, of images, of tokens in a text.
"""

from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor

from promptsrc.clip import towers
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.text import Texts
from promptsrc.clip.vectors import Tokens, Update, Vectors, check_vectors, tensors_of, with_tensors

MOST_IMAGES = 128


class PackedTowers:
    """The towers of a frozen CLIP for several runs, in the order they are given.

    Raises:
        ValueError: its forward pass is another one.
    """

    def __init__(self, frozen: FrozenCLIP):
        if frozen.forward is not towers:
            raise ValueError(f"{frozen.forward} encodes one run at a time; leave forward out")
        self.frozen = frozen
        self._packed: dict[tuple[Texts, ...], Texts] = {}

    def encode_text(self, texts: Sequence[Texts], prompts: Sequence[Vectors]) -> list[Tensor]:
        """Of each run (C, D), not normalised; see `FrozenCLIP.encode_text`.

        Raises:
            ValueError: the tower cannot take the prompts of a run.
        """
        keys = [(t.sizes, _shapes(p)) for t, p in zip(texts, prompts, strict=True)]
        return _in_groups(keys, lambda some: self._texts(_of(texts, some), _of(prompts, some)))

    def encode_image(self, images: Sequence[Tensor], prompts: Sequence[Vectors]) -> list[Tensor]:
        """Of each run (B, D), not normalised; see `FrozenCLIP.encode_image`.

        A batch that runs without image prompts have in common is encoded once. With prompts, at
        most `MOST_IMAGES` are encoded at a time: more (in a test) take memory, and no less time.

        Raises:
            ValueError: the tower cannot take the prompts of a run.
        """
        keys = [
            (batch.shape, _shapes(p), run // max(1, MOST_IMAGES // len(batch)) if p else 0)
            for run, (batch, p) in enumerate(zip(images, prompts, strict=True))
        ]
        return _in_groups(keys, lambda some: self._images(_of(images, some), _of(prompts, some)))

    def _texts(self, texts: tuple[Texts, ...], prompts: tuple[Vectors, ...]) -> Sequence[Tensor]:
        if len(texts) == 1:
            return [self.frozen.encode_text(texts[0], prompts[0])]
        if texts not in self._packed:
            self._packed[texts] = _packed(texts)
        blocks, width = self.frozen.clip.transformer.layers, texts[0].embeddings.shape[-1]
        for t, vectors in zip(texts, prompts, strict=True):
            check_vectors(vectors, width, blocks, len(t.eot), t.slots.shape[1])
        return self.frozen.encode_text(self._packed[texts], _stacked(prompts, 3)).chunk(len(texts))

    def _images(self, images: tuple[Tensor, ...], prompts: tuple[Vectors, ...]) -> Sequence[Tensor]:
        if not prompts[0] and all(each is images[0] for each in images):
            return [self.frozen.encode_image(images[0])] * len(images)
        if len(images) == 1:
            return [self.frozen.encode_image(images[0], prompts[0])]
        if not prompts[0]:
            return self.frozen.encode_image(torch.cat(images)).chunk(len(images))
        visual = towers.vision_transformer(self.frozen.clip)
        for vectors in prompts:
            check_vectors(vectors, visual.class_embedding.shape[0], visual.transformer.layers)
        with self.frozen.precision.autocast():
            features = towers.encode_image(
                self.frozen.clip, torch.cat(images), _stacked(prompts, 2), len(images)
            )
        return features.chunk(len(images))


def _in_groups(
    keys: Sequence[Hashable], encode: Callable[[Sequence[int]], Sequence[Tensor]]
) -> list[Tensor]:
    """Encode those with equal keys together."""
    groups: dict[Hashable, list[int]] = {}
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    found = {
        i: features
        for some in groups.values()
        for i, features in zip(some, encode(some), strict=True)
    }
    return [found[i] for i in range(len(keys))]


def _of(values: Sequence, some: Sequence[int]) -> tuple:
    return tuple(values[i] for i in some)


def _shapes(prompts: Vectors) -> Hashable:
    if any(isinstance(entry, Update) for entry in prompts.values()):
        return id(prompts)  # alone
    betas = {i: v.beta for i, v in prompts.items() if isinstance(v, Tokens)}
    return tuple((i, tensors_of(prompts[i])[0].shape, betas.get(i)) for i in sorted(prompts))


def _stacked(prompts: Sequence[Vectors], dims: int) -> Vectors:
    """The vectors of N runs: (N, n, W), or with 3 dims each (N, 1 or C, n, W)."""
    found = {}
    for i, entry in prompts[0].items():
        each = [tensors_of(vectors[i])[0] for vectors in prompts]
        each = [v if v.dim() == dims else v[None] for v in each]
        found[i] = with_tensors(entry, iter([torch.stack(each)]))
    return found


def _packed(texts: tuple[Texts, ...]) -> Texts:
    """The texts of N runs, run by run."""
    tokens, eot, embeddings, slots = (
        torch.cat([getattr(each, name) for each in texts])
        for name in ("tokens", "eot", "embeddings", "slots")
    )
    return Texts(tokens, eot, embeddings, slots, len(texts))
