"""What plug-ins are tried on: a few noisy images in public datasets' layouts, a CLIP of chance."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from promptsrc.clip.openai import CLIP

PIXELS = 32
TEXT = {"embed_dim": 64, "transformer_width": 64, "transformer_heads": 1}
VIT = {"vision_layers": 12, "vision_patch_size": 16}
SIZES = {  # of a CLIP, by the name of its backbone; tried in this order
    "ViT-B/16": {
        "tiny": {**TEXT, **VIT, "vision_width": 64},
        # for trainers that have ViT-B/16's widths in their code
        "real": {
            **VIT,
            "embed_dim": 512,
            "vision_width": 768,
            "transformer_width": 512,
            "transformer_heads": 8,
        },
    },
    "RN50": {"resnet": {**TEXT, "vision_layers": (3, 4, 6, 3), "vision_width": 16}},
}
CALTECH = ("accordion", "airplane", "anchor", "ant")  # two base classes, two new ones
DOMAINS = {
    "office_home": ("art", "clipart", "product", "real_world"),
    "pacs/images": ("art_painting", "cartoon", "photo", "sketch"),
}
OBJECTS = ("dog", "elephant", "giraffe", "guitar")
SPLITS = {"train": 4, "val": 2, "test": 2}  # images of a class


def make_weights(folder: Path, sizes: dict[str, Any]) -> str:
    """Write a CLIP with as many blocks as OpenAI's, of random weights; return its address."""
    torch.manual_seed(0)
    clip = CLIP(
        **{"vision_patch_size": None, **sizes},
        image_resolution=PIXELS,
        context_length=77,
        vocab_size=49408,
        transformer_layers=12,
    )
    folder.mkdir()
    file = folder / "clip.pt"
    torch.save(clip.state_dict(), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / digest).mkdir()
    return file.rename(folder / digest / "ViT-B-16.pt").as_uri()


def make_data(root: Path, caltech_classes: Sequence[str] = CALTECH) -> None:
    """Write Caltech101 with its split, OfficeHome, and PACS with its splits."""
    noise = np.random.RandomState(0)
    draw = lambda path, label: _draw(path, label, noise)  # noqa: E731
    caltech = root / "caltech-101"
    split: dict[str, list] = {part: [] for part in SPLITS}
    for label, name in enumerate(caltech_classes):
        for part, number in SPLITS.items():
            for i in range(number):
                draw(caltech / "101_ObjectCategories" / name / f"{part}{i}.png", label)
                split[part].append([f"{name}/{part}{i}.png", label, name])
    (caltech / "split_zhou_Caltech101.json").write_text(json.dumps(split))
    for folder, domains in DOMAINS.items():
        for domain in domains:
            for label, name in enumerate(OBJECTS):
                for i in range(sum(SPLITS.values())):
                    draw(root / folder / domain / name / f"{i}.png", label)
    splits = root / "pacs/splits"
    splits.mkdir()
    for domain in DOMAINS["pacs/images"]:
        for part, images in (("train", range(6)), ("crossval", range(6, 8)), ("test", range(8))):
            lines = [
                f"{domain}/{name}/{i}.png {label + 1}"
                for label, name in enumerate(OBJECTS)
                for i in images
            ]
            (splits / f"{domain}_{part}_kfold.txt").write_text("\n".join(lines) + "\n")


def _draw(path: Path, label: int, noise: np.random.RandomState) -> None:
    """One image: a colour for the class, and noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = np.array([(label * 37) % 256, (label * 91) % 256, (label * 151) % 256])
    pixels = colour + noise.randint(-40, 40, (40, 40, 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
