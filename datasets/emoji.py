"""The embedded dataset: emoji of four vendors in 31 classes (data/emoji, docs/EMBEDDED.md)."""

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import SplitDataset


@DATASET_REGISTRY.register()
class Emoji(SplitDataset):
    dataset_dir = "emoji"
    image_dir = "images"
    split_file = "split_zhou_Emoji.json"
