"""The shipped dataset: counts, balance, independence of its parts, pictures, size."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from promptsrc.weights.names import BUNDLED
from tools.embedded.concepts import CLASSES, concept_of, concepts
from tools.embedded.dataset import TARGET, VENDORS, _divide, _sample

ROOT = Path(__file__).parents[2]
DATA = ROOT / TARGET
SPLIT = json.loads((DATA / "split_zhou_Emoji.json").read_text())
ITEMS = [item for part in SPLIT.values() for item in part]


def code_points(path: str) -> str:
    """Code points without vendor, skin tone and gender.

    `fluent-flat-1f468-200d-1f33e` becomes `1f9d1-1f33e`.
    """
    stem = Path(path).stem
    vendor = next(vendor for vendor in VENDORS if stem.startswith(f"{vendor}-"))
    dropped = {"fe0f", "200d", "2640", "2642", *(f"1f3f{tone}" for tone in "bcdef")}
    points = stem.removeprefix(f"{vendor}-").split("-")
    return "-".join(
        {"1f468": "1f9d1", "1f469": "1f9d1"}.get(point, point)
        for point in points
        if point not in dropped
    )


def test_counts():
    assert {part: len(items) for part, items in SPLIT.items()} == {
        "train": 585,
        "val": 162,
        "test": 341,
    }
    assert len({label for _, label, _ in ITEMS}) == len(CLASSES) == 31


def test_every_class_has_16_shots_3_validation_images_and_11_test_images():
    counts = {part: Counter(label for _, label, _ in items) for part, items in SPLIT.items()}
    assert min(counts["train"].values()) >= 16
    assert min(counts["val"].values()) >= 3
    assert set(counts["test"].values()) == {11}
    assert all(len(count) == len(CLASSES) for count in counts.values())


def test_labels_are_numbered_without_gaps_and_name_one_folder_each():
    names = {(label, name) for _, label, name in ITEMS}
    assert sorted(label for label, _ in names) == list(range(len(CLASSES)))
    assert {name.replace("_", " ") for _, name in names} == set(CLASSES)
    assert all(path.split("/")[0] == name for path, _, name in ITEMS)


def test_no_drawing_and_no_concept_is_in_two_parts():
    assert len({path for path, _, _ in ITEMS}) == len(ITEMS)
    parts = [{code_points(path) for path, _, _ in items} for items in SPLIT.values()]
    assert sum(map(len, parts)) == len(set.union(*parts))


def test_the_split_lists_all_images():
    shipped = {
        path.relative_to(DATA / "images").as_posix() for path in (DATA / "images").rglob("*.png")
    }
    assert shipped == {path for path, _, _ in ITEMS}


def test_images_are_small_rgb_and_not_empty():
    for path, _, _ in ITEMS:
        with Image.open(DATA / "images" / path) as image:
            pixels = image.convert("RGB")
        assert pixels.size == (48, 48), path
        assert any(low < 230 for low, _ in pixels.getextrema()), path


def test_dataset_and_weights_stay_small():
    images = [path for path in (ROOT / "data").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in images) < 5e6
    for weights in BUNDLED.values():
        assert weights.stat().st_size < 8e6


def test_a_concept_is_the_same_for_any_person():
    assert concept_of("woman cook") == concept_of("man cook") == concept_of("cook") == "cook"
    assert concept_of("person running: facing right") == "running"
    assert concept_of("clinking beer mugs") == "clinking beer mugs"


def test_no_concept_belongs_to_two_classes():
    members = Counter(
        member for name in CLASSES for concept in concepts(name) for member in concept
    )
    assert [member for member, count in members.items() if count > 1] == []


def test_dividing_gives_whole_concepts_to_one_part_only():
    many = [frozenset({f"a{i}", f"b{i}"}) for i in range(20)]
    parts = _divide(many, random.Random(3))
    assert {part: len(chosen) for part, chosen in parts.items()} == {
        "train": 5,
        "test": 4,
        "val": 2,
    }
    assert len(set().union(*parts.values())) == 11
    assert len(_divide(many[:12], random.Random(3))["val"]) == 1


def test_sampling_takes_turns_among_concepts_and_only_downstream_vendors():
    rows = [
        {"source": vendor, "label": label}
        for label in ("owl", "duck")
        for vendor in (*VENDORS, "openmoji")
    ]
    chosen = _sample(rows, [frozenset({"owl"}), frozenset({"duck"})], 6, random.Random(0))
    assert Counter(rows[i]["label"] for i in chosen) == {"owl": 3, "duck": 3}
    assert "openmoji" not in {rows[i]["source"] for i in chosen}


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_is_in_every_part(vendor):
    for part, items in SPLIT.items():
        assert any(Path(path).name.startswith(f"{vendor}-") for path, _, _ in items), part
