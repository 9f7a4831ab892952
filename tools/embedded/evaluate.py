"""Zero-shot accuracy of the shipped weights: python -m tools.embedded.evaluate [FOLDER ...]

A folder is laid out as data/emoji, which is the default. "a photo of a <name>." names the classes; base classes are
told apart among themselves, and new ones.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from promptsrc.clip.frozen import load_clip
from promptsrc.clip.openai import CLIP
from promptsrc.clip.towers import encode_image
from promptsrc.clip.zeroshot import template_features
from promptsrc.templates import DEFAULT
from tools.embedded.augment import plain
from tools.embedded.dataset import TARGET


def main(folders: list[Path]) -> None:
    clip = load_clip("ViT-T/8")
    for folder in folders:
        for part in ("val", "test"):
            base, new = accuracies(clip, folder, part)
            print(f"{folder} {part}: base {base:.1f} new {new:.1f}")


@torch.no_grad()
def accuracies(clip: CLIP, folder: Path, part: str) -> tuple[float, float]:
    """Mean over the classes of the share of their images that is right, in percent, of base and of new classes."""
    items = json.loads((folder / "split_zhou_Emoji.json").read_text())[part]
    names = dict(sorted({(label, name) for _, label, name in items}))
    pixels = np.stack(
        [np.asarray(Image.open(folder / "images" / path).convert("RGB")) for path, *_ in items]
    )
    scores = (
        encode_image(clip, plain(torch.from_numpy(pixels).permute(0, 3, 1, 2)))
        @ torch.nn.functional.normalize(
            template_features(clip, list(names.values()), DEFAULT), dim=-1
        ).t()
    )  # (N, C)
    labels, half = torch.tensor([label for _, label, _ in items]), (len(names) + 1) // 2
    return _balanced(scores, labels, range(half)), _balanced(
        scores, labels, range(half, len(names))
    )


def _balanced(scores: Tensor, labels: Tensor, classes: range) -> float:
    """Accuracy a class, averaged, when only these classes may be answered."""
    right = scores[:, classes.start : classes.stop].argmax(1) + classes.start == labels
    return 100 * float(np.mean([right[labels == label].float().mean().item() for label in classes]))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or [TARGET])
