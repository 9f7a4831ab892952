"""Zero-shot accuracy of the shipped weights: python -m tools.embedded.evaluate [FOLDER ...]

A folder has the layout of data/emoji, which is the default. The texts are "a photo of a <name>.".
Base classes compete only with each other, and so do new ones.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
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
    """Print the accuracies on validation and test images."""
    clip = load_clip("ViT-T/8")
    for folder in folders:
        for part in ("val", "test"):
            base, new = accuracies(clip, folder, part)
            print(f"{folder} {part}: base {base:.1f} new {new:.1f}")


@torch.no_grad()
def accuracies(clip: CLIP, folder: Path, part: str) -> tuple[float, float]:
    """Accuracy in percent on base and on new classes, each the mean over classes."""
    items = json.loads((folder / "split_zhou_Emoji.json").read_text())[part]
    names = dict(sorted({(label, name) for _, label, name in items}))
    files = [folder / "images" / path for path, *_ in items]
    pixels = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    text = F.normalize(template_features(clip, list(names.values()), DEFAULT), dim=-1)
    image = encode_image(clip, plain(torch.from_numpy(pixels).permute(0, 3, 1, 2)))
    scores = image @ text.t()  # (N, C)
    labels, half = torch.tensor([label for _, label, _ in items]), (len(names) + 1) // 2
    halves = range(half), range(half, len(names))
    base, new = (_balanced(scores, labels, classes) for classes in halves)
    return base, new


def _balanced(scores: Tensor, labels: Tensor, classes: range) -> float:
    """The mean over these classes of their accuracy, when no other one can be predicted."""
    right = scores[:, classes.start : classes.stop].argmax(1) + classes.start == labels
    return 100 * float(np.mean([right[labels == label].float().mean().item() for label in classes]))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or [TARGET])
