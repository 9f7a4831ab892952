"""Emoji: the shipped dataset, 31 classes of drawings by four vendors (docs/EMBEDDED.md)."""

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import SplitFileDataset


@DATASET_REGISTRY.register()
class Emoji(SplitFileDataset):
    dataset_dir = "emoji"
    image_dir = "images"
    required = ("images", "split_zhou_Emoji.json")
