"""Fashion-MNIST: photographs of ten kinds of clothes, 28 x 28, grey (docs/EMBEDDED.md)."""

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import SplitFileDataset


@DATASET_REGISTRY.register()
class Fashion(SplitFileDataset):
    dataset_dir = "fashion"
    image_dir = "images"
    required = ("images", "split_zhou_Fashion.json")
