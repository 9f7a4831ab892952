"""What datasets share: where they lie, split files, few-shot sampling, halves of the classes."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from dassl.data.datasets import DatasetBase, Datum
from yacs.config import CfgNode

SUBSAMPLES = ("all", "base", "new")
MOST_VAL_SHOTS = 4


class SplitDataset(DatasetBase):
    """A dataset whose split stands in a file, as this field has them.

    A subclass names its folder below DATASET.ROOT, the images' folder in it, and the split file.

    Raises:
        FileNotFoundError: the folder, the split file or an image is missing; says which, and where it was looked for.
        ValueError: a value of SUBSAMPLE_CLASSES, or a split file, that is none.
    """

    dataset_dir: str
    image_dir: str
    split_file: str

    def __init__(self, cfg: CfgNode):
        root = dataset_root(cfg, self.dataset_dir)
        train, val, test = read_split(root / self.split_file, root / self.image_dir)
        shots = cfg.DATASET.NUM_SHOTS
        if shots >= 1:
            train = self.generate_fewshot_dataset(train, num_shots=shots)
            val = self.generate_fewshot_dataset(val, num_shots=min(shots, MOST_VAL_SHOTS))
        train, val, test = subsample_classes(train, val, test, subsample=cfg.DATASET.SUBSAMPLE_CLASSES)
        super().__init__(train_x=train, val=val, test=test)


def dataset_root(cfg: CfgNode, folder: str) -> Path:
    """A dataset's folder below DATASET.ROOT.

    Raises:
        FileNotFoundError: it is not there.
    """
    root = Path(cfg.DATASET.ROOT).expanduser().resolve()
    if not (root / folder).is_dir():
        where = f"has no folder {folder}" if root.is_dir() else "does not exist"
        raise FileNotFoundError(
            f"dataset {cfg.DATASET.NAME} is expected at {root / folder}, but {root} {where}; set --root to the folder that "
            f"holds {folder}"
        )
    return root / folder


def read_split(file: Path, image_dir: Path) -> tuple[list[Datum], list[Datum], list[Datum]]:
    """Train, val and test of a split file: lists of [path below `image_dir`, label, class name].

    Raises:
        FileNotFoundError: the file, or an image that it names, is missing.
        ValueError: it is no split file.
    """
    if not file.is_file():
        raise FileNotFoundError(f"no split file {file}")
    try:
        split = json.loads(file.read_text(encoding="utf-8"))
        rows = [[(str(path), int(label), str(name)) for path, label, name in split[part]] for part in PARTS]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{file} is no split file ({type(error).__name__}: {error}); it holds train, val and test, each a list of "
            "[path, label, class name]"
        ) from None
    train, val, test = ([_datum(image_dir / path, label, name, file) for path, label, name in part] for part in rows)
    return train, val, test


PARTS = ("train", "val", "test")


def _datum(path: Path, label: int, name: str, file: Path) -> Datum:
    if not path.is_file():
        raise FileNotFoundError(f"image {path} is missing, which {file} names; complete the images or correct the split")
    return Datum(impath=str(path), label=label, classname=name)


def subsample_classes(*parts: list[Datum], subsample: str) -> Sequence[list[Datum]]:
    """The items of all classes, of the first half (rounded up) or of the second; labels of a half count from 0.

    The classes are those of the first list.

    Raises:
        ValueError: `subsample` is none of `SUBSAMPLES`.
    """
    if subsample not in SUBSAMPLES:
        raise ValueError(f"DATASET.SUBSAMPLE_CLASSES is {subsample!r}; choose one of {', '.join(SUBSAMPLES)}")
    if subsample == "all":
        return parts
    labels = sorted({item.label for item in parts[0]})
    half = math.ceil(len(labels) / 2)
    chosen = labels[:half] if subsample == "base" else labels[half:]
    number = {label: i for i, label in enumerate(chosen)}
    return [
        [Datum(item.impath, number[item.label], item.domain, item.classname) for item in part if item.label in number]
        for part in parts
    ]
