"""Food-101: 101 dishes. Split 50/20/30, not by the published lists in `meta/`."""

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import ClassFolderDataset


@DATASET_REGISTRY.register()
class Food101(ClassFolderDataset):
    dataset_dir = "food-101"
    image_dir = "images"
    required = ("images",)
