"""Stanford Cars: 196 models. The published test part; train is split 80/20."""

from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from datasets.base import SplitFileDataset, train_val
from datasets.files import read_mat
from datasets.splits import Item, Split


@DATASET_REGISTRY.register()
class StanfordCars(SplitFileDataset):
    dataset_dir = "stanford_cars"
    required = ("cars_train", "cars_test")
    raw = ("devkit/cars_train_annos.mat", "cars_test_annos_withlabels.mat", "devkit/cars_meta.mat")

    @classmethod
    def read_raw(cls, folder: Path) -> Split:
        train, test, meta = (folder / name for name in cls.raw)
        names = [year_first(str(name)) for name in read_mat(meta, "class_names")]
        return train_val(
            _read_annotations(train, "cars_train", names),
            _read_annotations(test, "cars_test", names),
        )


def year_first(name: str) -> str:
    """'Audi 100 Wagon 1994' -> '1994 Audi 100 Wagon'."""
    model, _, year = name.rpartition(" ")
    return f"{year} {model}"


def _read_annotations(path: Path, image_dir: str, names: list[str]) -> list[Item]:
    rows = read_mat(path, "annotations")
    try:
        labels = [int(number) - 1 for number in rows["class"]]
        return [
            Item(f"{image_dir}/{file}", y, names[y])
            for file, y in zip(rows["fname"], labels, strict=True)
        ]
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} lacks fname or class of an image ({error}); get the published file"
        ) from None
