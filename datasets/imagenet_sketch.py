"""ImageNet-Sketch: drawings of ImageNet's classes. For tests only."""

from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import TestOnlyDataset, wnid_items
from datasets.splits import Split


@DATASET_REGISTRY.register()
class ImageNetSketch(TestOnlyDataset):
    dataset_dir = "imagenet-sketch"
    required = ("images", "classnames.txt")

    @classmethod
    def read(cls, folder: Path) -> Split:
        return Split([], None, wnid_items(folder, "images"))
