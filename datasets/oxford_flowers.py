"""Oxford Flowers: 102 species. Split 50/20/30, not by the published `setid.mat`."""

from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import SplitFileDataset
from datasets.files import read_json, read_mat
from datasets.splits import Item, Split, by_label, cut


@DATASET_REGISTRY.register()
class OxfordFlowers(SplitFileDataset):
    dataset_dir = "oxford_flowers"
    image_dir = "jpg"
    required = ("jpg",)
    raw = ("imagelabels.mat", "cat_to_name.json")

    @classmethod
    def read_raw(cls, folder: Path) -> Split:
        names = read_json(folder / "cat_to_name.json")
        labels = read_mat(folder / "imagelabels.mat", "labels")
        if absent := sorted({int(number) for number in labels if str(number) not in names}):
            raise ValueError(
                f"{folder / 'cat_to_name.json'} has no name for class {absent[0]}; get the "
                "published file"
            )
        items = [
            Item(f"jpg/image_{image:05d}.jpg", int(number) - 1, names[str(number)])
            for image, number in enumerate(labels, start=1)
        ]
        return Split(*cut(by_label(items), (0.5, 0.2)))
