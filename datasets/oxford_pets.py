"""Oxford-IIIT Pets: 37 breeds. The published test part; trainval is split 80/20."""

from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import SplitFileDataset, train_val
from datasets.files import read_rows
from datasets.splits import Item, Split


@DATASET_REGISTRY.register()
class OxfordPets(SplitFileDataset):
    dataset_dir = "oxford_pets"
    image_dir = "images"
    required = ("images",)
    raw = ("annotations/trainval.txt", "annotations/test.txt")

    @classmethod
    def read_raw(cls, folder: Path) -> Split:
        trainval, test = (_read_list(folder / name) for name in cls.raw)
        return train_val(trainval, test)


def _read_list(path: Path) -> list[Item]:
    rows = read_rows(path, r"(\S+) (\d+) \d+ \d+", "'<image> <class id from 1> <species> <breed>'")
    return [
        Item(f"images/{stem}.jpg", int(number) - 1, stem.rpartition("_")[0].lower())
        for stem, number in rows
    ]
