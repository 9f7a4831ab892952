"""Class features of the frozen CLIP, from templates; in float32, before the towers are cast."""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from promptsrc.clip.openai import CLIP
from promptsrc.clip.text import embed
from promptsrc.clip.tokens import readable
from promptsrc.clip.towers import encode_text
from promptsrc.model import unit


@torch.no_grad()
def template_features(clip: CLIP, classnames: Sequence[str], template: str) -> Tensor:
    """Features (C, D) of the classes in one template, not normalised; `{}` stands for the name."""
    texts = embed(clip, [template.replace("{}", readable(name)) for name in classnames])
    return encode_text(clip, texts).float()  # a learner may be built from a CLIP already cast


def ensemble_features(clip: CLIP, classnames: Sequence[str], templates: Sequence[str]) -> Tensor:
    """The usual zero-shot classifier (C, D), unit length: the mean of *unit* features."""
    features = (unit(template_features(clip, classnames, t)) for t in templates)
    return unit(reduce(torch.add, features) / len(templates))
