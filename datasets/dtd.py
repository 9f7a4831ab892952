"""47 describable textures. Cut 50/20/30; this field does not use the published splits in `labels/`."""

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import ClassFolderDataset


@DATASET_REGISTRY.register()
class DescribableTextures(ClassFolderDataset):
    dataset_dir = "dtd"
    image_dir = "images"
    required = ("images",)
