"""The other embedded datasets: counts, balance, independence of their parts, sizes, sources."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tools.embedded.domains import CLOTHES, DATA, OUTLINES, PARTS
from tools.embedded.glyphs import DIGITS

ROOT = Path(__file__).parents[2]
NAMES = {"outlines": "Outlines", "fashion": "Fashion", "digits": "Digits"}
CLASSES = {"outlines": 20, "fashion": 10, "digits": 10}


def split(folder):
    return json.loads((ROOT / DATA / folder / f"split_zhou_{NAMES[folder]}.json").read_text())


def pixels(folder, path):
    with Image.open(ROOT / DATA / folder / "images" / path) as image:
        return np.asarray(image)


@pytest.mark.parametrize("folder", NAMES)
def test_every_class_has_the_same_number_of_images(folder):
    for part, items in split(folder).items():
        counts = Counter(label for _, label, _ in items)
        assert counts == dict.fromkeys(range(CLASSES[folder]), PARTS[folder][part])
        assert all(len({name for _, at, name in items if at == label}) == 1 for label in counts)


@pytest.mark.parametrize("folder", NAMES)
def test_the_split_lists_each_image_once(folder):
    images = ROOT / DATA / folder / "images"
    shipped = [path.relative_to(images).as_posix() for path in sorted(images.rglob("*.png"))]
    assert shipped == sorted(path for items in split(folder).values() for path, _, _ in items)
    contents = {path: pixels(folder, path).tobytes() for path in shipped}
    assert len(set(contents.values())) >= 0.99 * len(contents)  # a few digits are alike


def test_no_concept_of_the_outlines_is_in_two_parts():
    parts = [
        {path.rpartition("-")[0].partition("/")[0] + code_points(path) for path, _, _ in items}
        for items in split("outlines").values()
    ]
    assert sum(map(len, parts)) == len(set.union(*parts))


def code_points(path):
    """Without vendor, skin tone and gender."""
    stem = Path(path).stem
    vendor = next(vendor for vendor in OUTLINES if stem.startswith(f"{vendor}-"))
    dropped = {"fe0f", "200d", "2640", "2642", *(f"1f3f{tone}" for tone in "bcdef")}
    points = stem.removeprefix(f"{vendor}-").split("-")
    return "-".join(point for point in points if point not in dropped)


def test_digits_are_those_of_scikit_learn():
    known = {
        image.tobytes() for image in (load_digits().images * 255 / 16).round().astype(np.uint8)
    }
    found = split("digits")
    assert (
        list(dict(sorted({(label, name) for _, label, name in found["test"]})).values()) == DIGITS
    )
    assert all(pixels("digits", path).tobytes() in known for path, _, _ in found["test"][::50])


def test_fashion_has_the_published_classes_and_sizes():
    names = dict(sorted({(label, name) for _, label, name in split("fashion")["test"]}))
    assert [name.replace("_", " ") for name in names.values()] == list(CLOTHES)
    path = split("fashion")["test"][0][0]
    assert pixels("fashion", path).shape == (28, 28)
    assert pixels("outlines", split("outlines")["test"][0][0]).shape[:2] == (48, 48)


def test_all_embedded_datasets_stay_small():
    files = [path for path in (ROOT / DATA).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5e6
