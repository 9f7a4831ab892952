"""ImageNet-R: art, toys, cartoons and the like of 200 classes. For tests only."""

from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import TestOnlyDataset, wnid_items
from datasets.splits import Split


@DATASET_REGISTRY.register()
class ImageNetR(TestOnlyDataset):
    dataset_dir = "imagenet-rendition"
    required = ("imagenet-r", "classnames.txt")

    @classmethod
    def read(cls, folder: Path) -> Split:
        return Split([], None, wnid_items(folder, "imagenet-r"))
