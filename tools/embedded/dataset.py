"""Choose and write the embedded dataset: python -m tools.embedded.dataset WORK

Each class gives whole concepts to training, validation and test, in the drawings of four vendors; no concept stands in
two of them, and none of them is in pre-training. Writes data/emoji and WORK/held_out.json.
"""

import json
import random
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tools.embedded.concepts import CLASSES, concept_of, concepts

SEED = 1
PIXELS = 48
BACKGROUND = 255
VENDORS = ("noto", "twemoji", "fluent-flat", "emojione")
IMAGES = {"train": 20, "val": 6, "test": 11}  # a class
TARGET = Path("data/emoji")


def main(work: Path) -> None:
    rows = json.loads((work / "drawings.json").read_text())
    pictures = np.load(work / "drawings.npz")["rgba"]
    order = sorted(CLASSES)
    rng = random.Random(SEED)
    rng.shuffle(order)  # so that base and new classes, halves of this order, are alike
    split, held_out = {part: [] for part in IMAGES}, []
    shutil.rmtree(TARGET / "images", ignore_errors=True)
    for label, name in enumerate(order):
        for part, chosen in _divide(concepts(name), rng).items():
            held_out += [sorted(concept) for concept in chosen]
            for i in _sample(rows, chosen, IMAGES[part], rng):
                path = (
                    f"{name.replace(' ', '_')}/{rows[i]['vendor']}-{rows[i]['hexcode'].lower()}.png"
                )
                _write(pictures[i], TARGET / "images" / path)
                split[part].append([path, label, name.replace(" ", "_")])
    (TARGET / "split_zhou_Emoji.json").write_text(json.dumps(split, indent=0) + "\n")
    (work / "held_out.json").write_text(
        json.dumps(sorted(c for concept in held_out for c in concept))
    )
    print({part: len(items) for part, items in split.items()}, order)


def _divide(
    all_concepts: list[frozenset[str]], rng: random.Random
) -> dict[str, list[frozenset[str]]]:
    """5 concepts to train and 4 to test with, 2 (of small classes 1) to validate; the others are for pre-training."""
    shuffled = rng.sample(all_concepts, len(all_concepts))
    val = 2 if len(shuffled) >= 16 else 1
    return {"train": shuffled[:5], "test": shuffled[5:9], "val": shuffled[9 : 9 + val]}


def _sample(
    rows: list[dict], chosen: list[frozenset[str]], most: int, rng: random.Random
) -> list[int]:
    """Up to `most` drawings, as evenly over the concepts as they go."""
    pools = [
        [
            i
            for i, row in enumerate(rows)
            if row["vendor"] in VENDORS and concept_of(row["label"]) in concept
        ]
        for concept in chosen
    ]
    for pool in pools:
        rng.shuffle(pool)
    turns = [
        pool[turn] for turn in range(max(map(len, pools))) for pool in pools if turn < len(pool)
    ]
    return turns[:most]


def _write(rgba: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing = Image.fromarray(rgba).resize((PIXELS, PIXELS), Image.Resampling.BOX)
    picture = Image.new("RGB", drawing.size, (BACKGROUND,) * 3)
    picture.paste(drawing, mask=drawing)
    picture.quantize(64, method=Image.Quantize.MEDIANCUT).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
