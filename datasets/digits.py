"""Digits: handwriting, 8 x 8, grey; the digits that come with scikit-learn (docs/EMBEDDED.md)."""

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import SplitFileDataset


@DATASET_REGISTRY.register()
class Digits(SplitFileDataset):
    dataset_dir = "digits"
    image_dir = "images"
    required = ("images", "split_zhou_Digits.json")
