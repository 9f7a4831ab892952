"""SUN397: 397 scenes. The first published partition; its training part is split 80/20."""

import re
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import SplitFileDataset, train_val
from datasets.files import read_rows
from datasets.splits import Item, Split


@DATASET_REGISTRY.register()
class SUN397(SplitFileDataset):
    dataset_dir = "sun397"
    image_dir = "SUN397"
    required = ("SUN397",)
    raw = ("ClassName.txt", "Training_01.txt", "Testing_01.txt")

    @classmethod
    def read_raw(cls, folder: Path) -> Split:
        classes, train, test = (folder / name for name in cls.raw)
        scenes = [
            scene for (scene,) in read_rows(classes, r"/(\w/.+)", "a scene such as '/a/abbey'")
        ]
        labels = {scene: label for label, scene in enumerate(scenes)}
        return train_val(_read_list(train, labels), _read_list(test, labels))


def scene_name(scene: str) -> str:
    """'a/apartment_building/outdoor' -> 'outdoor apartment_building'."""
    return " ".join(reversed(scene.split("/")[1:]))


def _read_list(path: Path, labels: dict[str, int]) -> list[Item]:
    known = "|".join(map(re.escape, labels))
    rows = read_rows(
        path, rf"/({known})/([^/]+)", "an image of a scene of ClassName.txt, '/a/abbey/sun_x.jpg'"
    )
    return [
        Item(f"SUN397/{scene}/{file}", labels[scene], scene_name(scene)) for scene, file in rows
    ]
