"""Zero-shot accuracy of the shipped weights: python -m tools.embedded.evaluate [FOLDER ...]

A folder has the layout of data/emoji; by default the four in data. The texts are
"a photo of a <name>.". Base classes compete only with each other, and so do new ones.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from promptsrc.clip.frozen import load_clip
from promptsrc.clip.openai import CLIP
from promptsrc.clip.towers import encode_image
from promptsrc.clip.zeroshot import template_features
from promptsrc.command import Parser
from promptsrc.templates import DEFAULT
from runs.settings import BUNDLED
from tools.embedded.augment import PIXELS, plain

DOMAINS = [Path("data", name) for name in ("emoji", "outlines", "fashion", "digits")]


def main(folders: list[Path]) -> None:
    """Print the accuracies on validation and test images."""
    clip = load_clip(BUNDLED)
    for folder in folders:
        for part in ("val", "test"):
            found = zero_shot(clip, folder, part)
            print(
                f"{folder} {part}: base {found.base:.1f} new {found.new:.1f} all {found.all:.1f}, "
                f"{found.all * found.classes / 100:.1f} times chance"
            )


class Accuracies(NamedTuple):
    """In percent, each the mean over classes, which compete with each other alone."""

    base: float
    new: float
    all: float
    classes: int


def zero_shot(clip: CLIP, folder: Path, part: str) -> Accuracies:
    """`accuracies` of a CLIP."""
    return accuracies(clip, folder, part, partial(template_features, clip, template=DEFAULT))


@torch.no_grad()
def accuracies(
    clip: CLIP, folder: Path, part: str, encode_names: Callable[[list[str]], Tensor]
) -> Accuracies:
    """Of a part of a dataset.

    Args:
        encode_names: class names -> features (C, D).
    """
    (split,) = folder.glob("split_zhou_*.json")
    items = json.loads(split.read_text())[part]
    names = dict(sorted({(label, name.replace("_", " ")) for _, label, name in items}))
    pixels = np.stack([_pixels(folder / "images" / path) for path, *_ in items])
    text = F.normalize(encode_names(list(names.values())), dim=-1)
    image = encode_image(clip, plain(torch.from_numpy(pixels).permute(0, 3, 1, 2)))
    scores = image @ text.t()  # (N, C)
    labels, half = torch.tensor([label for _, label, _ in items]), (len(names) + 1) // 2
    parts = range(half), range(half, len(names)), range(len(names))
    base, new, every = (_balanced(scores, labels, classes) for classes in parts)
    return Accuracies(base, new, every, len(names))


def _pixels(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB").resize((PIXELS, PIXELS), Image.Resampling.BICUBIC))


def _balanced(scores: Tensor, labels: Tensor, classes: range) -> float:
    """The mean over these classes of their accuracy, when no other one can be predicted."""
    right = scores[:, classes.start : classes.stop].argmax(1) + classes.start == labels
    return 100 * float(np.mean([right[labels == label].float().mean().item() for label in classes]))


def parse_args(argv: Sequence[str] | None = None) -> list[Path]:
    """The folders."""
    parser = Parser(__doc__)
    parser.add_argument("folders", nargs="*", metavar="FOLDER", type=Path, help="default: all four")
    folders = parser.parse_args(argv).folders or DOMAINS
    for folder in folders:
        if len([*folder.glob("split_zhou_*.json")]) != 1:
            parser.error(f"{folder} has no split_zhou_*.json, or several; run this in the project")
    return folders


if __name__ == "__main__":
    main(parse_args())
