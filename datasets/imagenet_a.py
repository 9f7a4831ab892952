"""ImageNet-A: natural images of 200 classes that fooled ResNet-50. For tests only."""

from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import TestOnlyDataset, wnid_items
from datasets.splits import Split


@DATASET_REGISTRY.register()
class ImageNetA(TestOnlyDataset):
    dataset_dir = "imagenet-adversarial"
    required = ("imagenet-a", "classnames.txt")

    @classmethod
    def read(cls, folder: Path) -> Split:
        return Split([], None, wnid_items(folder, "imagenet-a"))
