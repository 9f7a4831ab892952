"""Choose and write the embedded dataset: python -m tools.embedded.dataset WORK

Training, validation and test get whole concepts of each class, in the drawings of four vendors. No
concept is in two of them. Writes data/emoji and WORK/held_out.json, the concepts that pre-training
leaves out in drawings of these vendors and their kin.
"""

import json
import random
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from tools.embedded.command import work_folder
from tools.embedded.concepts import CLASSES, concept_of, concepts

SEED = 1
PIXELS = 48
BACKGROUND = 255
VENDORS = ("noto", "twemoji", "fluent-flat", "emojione")
IMAGES = {"train": 20, "val": 6, "test": 11}  # per class
TARGET = Path("data/emoji")


def main(work: Path) -> None:
    """Write the images, the split and the list of held-out concepts."""
    rows = json.loads((work / "drawings.json").read_text())
    pictures = np.load(work / "drawings.npy", mmap_mode="r")
    order = sorted(CLASSES)
    rng = random.Random(SEED)
    rng.shuffle(order)  # so that base and new classes, halves of this order, are alike
    split, held_out = {part: [] for part in IMAGES}, []
    shutil.rmtree(TARGET / "images", ignore_errors=True)
    for label, name in enumerate(order):
        for part, chosen in _divide(concepts(name), rng).items():
            held_out += [sorted(concept) for concept in chosen]
            for i in _sample(rows, chosen, IMAGES[part], rng):
                file = f"{rows[i]['source']}-{rows[i]['hexcode'].lower()}.png"
                path = f"{name.replace(' ', '_')}/{file}"
                (TARGET / "images" / path).parent.mkdir(parents=True, exist_ok=True)
                on_white(pictures[i]).save(TARGET / "images" / path, optimize=True)
                split[part].append([path, label, name.replace(" ", "_")])
    (TARGET / "split_zhou_Emoji.json").write_text(json.dumps(split, indent=0) + "\n")
    labels = sorted(label for concept in held_out for label in concept)
    (work / "held_out.json").write_text(json.dumps(labels))
    print({part: len(items) for part, items in split.items()}, order)


def _divide(
    all_concepts: list[frozenset[str]], rng: random.Random
) -> dict[str, list[frozenset[str]]]:
    """5 concepts for training, 4 for the test, 2 (of small classes 1) for validation.

    The others are for pre-training.
    """
    shuffled = rng.sample(all_concepts, len(all_concepts))
    val = 2 if len(shuffled) >= 16 else 1
    return {"train": shuffled[:5], "test": shuffled[5:9], "val": shuffled[9 : 9 + val]}


def _sample(
    rows: list[dict], chosen: list[frozenset[str]], most: int, rng: random.Random
) -> list[int]:
    """Up to `most` drawings, taken from the concepts in turn."""
    pools = [
        [
            i
            for i, row in enumerate(rows)
            if row["source"] in VENDORS and concept_of(row["label"]) in concept
        ]
        for concept in chosen
    ]
    for pool in pools:
        rng.shuffle(pool)
    longest = max(map(len, pools))
    turns = [pool[turn] for turn in range(longest) for pool in pools if turn < len(pool)]
    return turns[:most]


def on_white(rgba: np.ndarray) -> Image.Image:
    """A drawing (64, 64, 4) in 48 x 48 pixels of 64 colours."""
    drawing = Image.fromarray(rgba).resize((PIXELS, PIXELS), Image.Resampling.BOX)
    picture = Image.new("RGB", drawing.size, (BACKGROUND,) * 3)
    picture.paste(drawing, mask=drawing)
    return picture.quantize(64, method=Image.Quantize.MEDIANCUT)


if __name__ == "__main__":
    main(work_folder(__doc__, "drawings.npy"))
