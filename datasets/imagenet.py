"""ImageNet: 1,000 classes. This field tests on the validation images, and calls them val as well."""

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
        """Raises ValueError when train and val differ in their class folders: labels would be shifted."""
        train, val = (set(class_folders(folder / "images" / part)) for part in ("train", "val"))
        if train != val:
            example = min(train ^ val)
            raise ValueError(
                f"{folder / 'images'} has {example} in {'train' if example in train else 'val'} only, one of "
                f"{len(train ^ val)} such class folders; complete or remove them"
            )
        return Split(wnid_items(folder, "images/train"), None, wnid_items(folder, "images/val"))

    @property
    def val(self) -> list[Datum]:
        return self.test
