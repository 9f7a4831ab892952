"""47 describable textures. Split 50/20/30, not by the published lists in `labels/`."""

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import ClassFolderDataset


@DATASET_REGISTRY.register()
class DescribableTextures(ClassFolderDataset):
    dataset_dir = "dtd"
    image_dir = "images"
    required = ("images",)
