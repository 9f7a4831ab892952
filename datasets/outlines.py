"""Outlines: 20 classes of emoji in outlines or one colour, by three vendors (docs/EMBEDDED.md)."""

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import SplitFileDataset


@DATASET_REGISTRY.register()
class Outlines(SplitFileDataset):
    dataset_dir = "outlines"
    image_dir = "images"
    required = ("images", "split_zhou_Outlines.json")
