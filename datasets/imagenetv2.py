"""ImageNetV2 (matched frequency): new images for ImageNet's classes. For tests only."""

from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import TestOnlyDataset, folder_items, read_classnames
from datasets.files import class_folders
from datasets.splits import Split

NUM_CLASSES = 1000
IMAGES = "imagenetv2-matched-frequency-format-val"


@DATASET_REGISTRY.register()
class ImageNetV2(TestOnlyDataset):
    dataset_dir = "imagenetv2"
    required = (IMAGES, "classnames.txt")

    @classmethod
    def read(cls, folder: Path) -> Split:
        """All images.

        Raises:
            ValueError: a folder from 0 to 999, or a class name, is missing.
        """
        names = [name for _, name in read_classnames(folder)]
        if len(names) < NUM_CLASSES:
            raise ValueError(
                f"{folder / 'classnames.txt'} has {len(names)} lines; it needs {NUM_CLASSES}"
            )
        expected = set(map(str, range(NUM_CLASSES)))
        if absent := expected - set(class_folders(folder / IMAGES)):
            raise ValueError(
                f"{folder / IMAGES} lacks {len(absent)} of the folders 0 to 999, such as "
                f"{min(absent)}; unpack the archive again"
            )
        groups = (
            folder_items(folder, f"{IMAGES}/{label}", label, names[label])
            for label in range(NUM_CLASSES)
        )
        return Split([], None, [item for group in groups for item in group])
