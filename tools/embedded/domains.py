"""Write the other embedded datasets: python -m tools.embedded.domains WORK

data/outlines: emoji by three vendors that pre-training never sees, in outlines or one colour.
data/fashion: product photographs of Fashion-MNIST. data/digits: the handwriting in scikit-learn.
All classes of a dataset have the same number of test images.
"""

import gzip
import json
import random
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from tools.embedded.command import work_folder
from tools.embedded.concepts import CLASSES, concept_of, concepts
from tools.embedded.dataset import on_white
from tools.embedded.glyphs import DIGITS
from tools.embedded.packages import debian

SEED = 1
DATA = Path("data")
FASHION = "dataset-fashion-mnist=0.0~git20200523.55506a9-1"
CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)  # as its authors call them, in their order
OUTLINES = ("openmoji", "fluent-high-contrast", "emojione-monotone")
PARTS = {  # images of each class
    "fashion": {"train": 20, "val": 10, "test": 150},
    "digits": {"train": 20, "val": 10, "test": 140},
    "outlines": {"train": 16, "val": 4, "test": 24},
}
LEAST = 48  # drawings of a class of outlines

Picture = tuple[str, int, str, Image.Image]  # path, label, class name


def main(work: Path) -> None:
    """Write images and splits of all three."""
    write("fashion", "Fashion", fashion(work))
    write("digits", "Digits", digits())
    write("outlines", "Outlines", outlines(work))


def write(folder: str, name: str, parts: dict[str, list[Picture]]) -> None:
    """The images of a dataset and its split file."""
    shutil.rmtree(DATA / folder / "images", ignore_errors=True)
    split: dict[str, list[tuple[str, int, str]]] = {}
    for part, pictures in parts.items():
        split[part] = []
        for path, label, classname, picture in pictures:
            file = DATA / folder / "images" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            picture.save(file, optimize=True)
            split[part].append((path, label, classname))
    (DATA / folder / f"split_zhou_{name}.json").write_text(json.dumps(split, indent=0) + "\n")
    print(folder, {part: len(items) for part, items in split.items()})


def fashion(work: Path) -> dict[str, list[Picture]]:
    """Training and validation images of the published training part, test images of the test."""
    root = next(debian(work, FASHION).rglob("train-images*")).parent
    chosen: dict[str, list[Picture]] = {}
    for published, parts in (("train", ("train", "val")), ("t10k", ("test",))):
        images = _idx(next(root.glob(f"{published}-images*")))
        labels = _idx(next(root.glob(f"{published}-labels*")))
        chosen |= _drawn("fashion", images, labels, CLOTHES, parts)
    return chosen


def digits() -> dict[str, list[Picture]]:
    """16 shades of grey become 256."""
    found = load_digits()
    images = (found.images * 255 / 16).round().astype(np.uint8)
    return _drawn("digits", images, found.target, DIGITS, ("train", "val", "test"))


def _drawn(
    folder: str,
    images: np.ndarray,
    labels: np.ndarray,
    names: Iterable[str],
    parts: Iterable[str],
) -> dict[str, list[Picture]]:
    """Images (N, H, W) of each class for each part, drawn at random."""
    rng = random.Random(SEED)
    chosen: dict[str, list[Picture]] = {part: [] for part in parts}
    for label, name in enumerate(names):
        pool = rng.sample(np.flatnonzero(labels == label).tolist(), int((labels == label).sum()))
        for part in chosen:
            count = PARTS[folder][part]
            mine, pool = pool[:count], pool[count:]
            stem = name.replace("/", "_").replace(" ", "_").lower()
            for i in mine:
                path = f"{stem}/{part}-{i:05d}.png"
                picture = Image.fromarray(images[i])
                chosen[part].append((path, label, name.replace(" ", "_"), picture))
    return chosen


def outlines(work: Path) -> dict[str, list[Picture]]:
    """Whole concepts for each part, of the classes with enough drawings."""
    rows = json.loads((work / "drawings.json").read_text())
    drawings = np.load(work / "drawings.npy", mmap_mode="r")
    ours = {i: concept_of(row["label"]) for i, row in enumerate(rows) if row["source"] in OUTLINES}
    rng, chosen = random.Random(SEED), {part: [] for part in PARTS["outlines"]}
    members = {
        name: [[i for i, label in ours.items() if label in concept] for concept in concepts(name)]
        for name in CLASSES
    }
    names = sorted(name for name, pools in members.items() if sum(map(len, pools)) >= LEAST)
    rng.shuffle(names)  # so that base and new classes, halves of this order, are alike
    for label, name in enumerate(names):
        pools = [rng.sample(pool, len(pool)) for pool in members[name] if pool]
        rng.shuffle(pools)
        for part, count in PARTS["outlines"].items():
            taken: list[int] = []
            while len(taken) < count and pools:
                taken += pools.pop()[:6]
            for i in taken[:count]:
                stem = name.replace(" ", "_")
                path = f"{stem}/{rows[i]['source']}-{rows[i]['hexcode'].lower()}.png"
                chosen[part].append((path, label, stem, on_white(drawings[i])))
    return chosen


def _idx(file: Path) -> np.ndarray:
    """The array in a file of MNIST's format."""
    raw = gzip.decompress(file.read_bytes())
    sizes = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)


if __name__ == "__main__":
    main(work_folder(__doc__, "drawings.npy"))
