"""A probe beside the similarity, for the classes trained on alone (DePT, arXiv 2309.07439).

It learns what only those classes need, so that the prompts keep what serves new ones.

f, g           image and text features with the base learner's prompts, not normalised
f', g'         a f + b, with a scale and a shift for each channel (FiLM)
similarity     s cos(f, g), for any classes
probe          W f' + c, a row of W per class trained on; or s cos(f', g')

training   (1 - lambda) CE(similarity, y) + lambda CE(probe, y); the linear probe reads g'_y and f'
test       (1 - lambda) similarity + lambda probe among classes trained on, else similarity
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import Texts
from promptsrc.clip.tokens import name_tokens
from promptsrc.clip.vectors import Vectors
from promptsrc.model import Encoded, PromptedCLIP, unit
from promptsrc.prompts.learner import PromptLearner, find_learner

ROWS = "linear_probe_proj.weight"  # (C, D)
PARTS = ("film_lp_img.", "film_lp_text.", "linear_probe_proj.")


class FiLM(nn.Module):
    """A scale and a shift for each channel, at first the identity: (..., D) -> (..., D)."""

    def __init__(self, channels: int):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        return self.scale * features + self.bias


class Probe(nn.Module):
    """The second head, and what a test makes of both.

    Args:
        weight: lambda, above 0, at most 1.
        kind: "linear" or "similarity".
        film: learn f' and g'; else they are f and g.
        fusion: add both logits at test; else the probe classifies alone.

    Raises:
        ValueError: `weight` is out of range, or `kind` unknown.
    """

    known = True  # the classes are among those trained on

    def __init__(
        self,
        clip: CLIP,
        classes: int,
        weight: float = 0.7,
        kind: str = "linear",
        film: bool = True,
        fusion: bool = True,
    ):
        super().__init__()
        if not 0 < weight <= 1:
            raise ValueError(f"LINEAR_PROBE.WEIGHT is {weight}; it must be above 0, at most 1")
        if kind not in ("linear", "similarity"):
            raise ValueError(f"LINEAR_PROBE.TYPE is {kind!r}; choose one of linear, similarity")
        self.weight, self.fusion, self.scale = weight, fusion, float(clip.logit_scale.exp())
        channels = clip.text_projection.shape[1]
        self.film_lp_img = FiLM(channels) if film else nn.Identity()
        self.film_lp_text = FiLM(channels) if film else nn.Identity()
        self.linear_probe_proj = nn.Linear(channels, classes) if kind == "linear" else None

    def forward(self, encoded: Encoded) -> Tensor:
        """The logits (B, C) of a test."""
        if not self.known:
            return encoded.logits
        probe = self.of_images(encoded)
        fused = (1 - self.weight) * encoded.logits + self.weight * probe
        return fused if self.fusion else probe

    def of_images(self, encoded: Encoded) -> Tensor:
        """The probe's logits (B, C)."""
        image = self.film_lp_img(encoded.raw_image)
        if self.linear_probe_proj:
            return self.linear_probe_proj(image)
        text = self.film_lp_text(encoded.raw_text)  # (C, D), or (B, C, D)
        return self.scale * (unit(text) @ unit(image)[..., None]).squeeze(-1)

    def of_training(self, encoded: Encoded, y: Tensor) -> tuple[Tensor, Tensor]:
        """The probe's logits and labels: of g'_y and f' (2B, C); by similarity of f' (B, C).

        Raises:
            ValueError: it was left out, since the prompts start from those of other classes.
        """
        if not self.known:
            raise ValueError(
                "the prompts of MODEL.INIT_WEIGHTS have no probe of these classes; start from "
                "prompts that were trained on them"
            )
        if not self.linear_probe_proj:
            return self.of_images(encoded), y
        g, rows = encoded.raw_text, torch.arange(len(y), device=y.device)
        g_y = g.expand(len(y), *g.shape[-2:])[rows, y]  # (B, D)
        of_texts = self.linear_probe_proj(self.film_lp_text(g_y))
        return torch.cat([of_texts, self.of_images(encoded)]), torch.cat([y, y])


class DecoupledPrompts(PromptLearner):
    """The prompts of a learner, and a probe. Parameters are named as in published files, which hold
    a whole model: deep prompts have those names anyway, others are its `prompt_learner`.

    Args:
        base: the learner's name; `settings` are its own.
        probe: arguments of `Probe`.
        module: where the learner is, if that is in `trainers/`.
    """

    base: PromptLearner
    probe: Probe

    def __init__(
        self,
        clip: CLIP,
        classnames: Sequence[str],
        base: str,
        probe: Mapping[str, Any],
        module: str | None = None,
        **settings: Any,
    ):
        super().__init__(classnames)
        prompts = find_learner(base, module)(clip, classnames, **settings)
        head = Probe(clip, len(self.classnames), **probe)
        self.__dict__.update(base=prompts, probe=head)  # not registered, since their parts are
        deep = not dict(prompts.named_parameters(recurse=False))
        parts = dict(prompts.named_children()) if deep else {"prompt_learner": prompts}
        for name, part in (parts | dict(head.named_children())).items():
            self.add_module(name, part)
        own = [name if deep else f"prompt_learner.{name}" for name in prompts.per_class]
        rows = [ROWS, "linear_probe_proj.bias"] if head.linear_probe_proj else []
        self.prefix, self.per_class = prompts.prefix, (*own, *rows)

    @property
    def text(self) -> Vectors:
        return self.base.text

    @property
    def image(self) -> Vectors:
        return self.base.image

    def texts(self, clip: CLIP) -> Texts:
        return self.base.texts(clip)

    def student(self, frozen: FrozenCLIP) -> PromptedCLIP:
        """That of the learner; its tests read the probe, too."""
        model = self.base.student(frozen)
        model.read = self.probe
        return model

    def match_classes(
        self, state: dict[str, Tensor], trained_on: list[str] | None, source: str | Path
    ) -> dict[str, Tensor]:
        """The probe's rows by name; no probe unless all classes are among those trained on.

        A file that does not name its classes (None) is for these if it has as many rows.
        """
        theirs = {key for key in state if key.startswith(PARTS)}
        if trained_on is None:
            known = len(state.get(ROWS, self.classnames)) == len(self.classnames)
        else:
            trained = {name_tokens(name) for name in trained_on}
            known = bool(theirs) and trained.issuperset(map(name_tokens, self.classnames))
        if not known:
            self.leave_probe_out()
        if not self.probe.known:
            state = {key: value for key, value in state.items() if key not in theirs}
        return super().match_classes(state, trained_on, source)

    def leave_probe_out(self) -> None:
        """For classes that were not trained on."""
        self.probe.known = False
        for name, _ in self.probe.named_children():
            self._modules.pop(name, None)
        self.per_class = tuple(name for name in self.per_class if not name.startswith(PARTS))
