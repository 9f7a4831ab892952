"""ImageNet: 1,000 classes. Tested on the validation images, which also are its val part."""

from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY, Datum

from datasets.base import BenchmarkDataset, wnid_items
from datasets.files import class_folders
from datasets.splits import Split


@DATASET_REGISTRY.register()
class ImageNet(BenchmarkDataset):
    dataset_dir = "imagenet"
    required = ("images/train", "images/val", "classnames.txt")

    @classmethod
    def read(cls, folder: Path) -> Split:
        """The published parts.

        Raises:
            ValueError: train and val have different class folders, which would shift labels.
        """
        train, val = (set(class_folders(folder / "images" / part)) for part in ("train", "val"))
        if train != val:
            example = min(train ^ val)
            part = "train" if example in train else "val"
            raise ValueError(
                f"{folder / 'images'} has {example} in {part} only, one of {len(train ^ val)} such "
                "class folders; complete or remove them"
            )
        return Split(wnid_items(folder, "images/train"), None, wnid_items(folder, "images/val"))

    @property
    def val(self) -> list[Datum]:
        return self.test
