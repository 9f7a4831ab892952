"""Your own images in class folders: in train/, test/ and perhaps val/, or in one folder."""

import math
import random
from collections.abc import Sequence
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY
from yacs.config import CfgNode

from datasets.base import FewShotDataset, own_folder
from datasets.classnames import check_distinct
from datasets.files import class_folders, read_json, visible_files
from datasets.opened import readable
from datasets.shots import CACHE_FOLDER
from datasets.splits import Item, Split, by_label, cut
from promptsrc.inference.images import SUFFIXES


@DATASET_REGISTRY.register()
class ImageFolder(FewShotDataset):
    """Labels follow the sorted class folders, whose names are the class names.

    A JSON file (DATASET.CLASS_NAMES) gives other class names. Without train/ and test/,
    DATASET.SPLIT gives the shares of train, val and test.

    Raises:
        FileNotFoundError: the folder, or its train/ or test/, is not there.
        ValueError: DATASET.SPLIT or DATASET.CLASS_NAMES does not fit, or a class is empty.
    """

    def __init__(self, cfg: CfgNode):
        folder = own_folder(cfg)
        shares = cfg.DATASET.SPLIT
        read = read_whole if shares else read_parts
        classes = read_classes(
            folder / ("" if shares else "train"),
            cfg.DATASET.CLASS_NAMES and folder / cfg.DATASET.CLASS_NAMES,
        )
        check_distinct(classes, folder, "folders", "join them, or set DATASET.CLASS_NAMES")
        super().__init__(cfg, folder, readable(read(folder, classes, shares), folder, cfg))


def read_classes(folder: Path, names_file: Path | str) -> dict[str, str]:
    """Class names by folder, sorted by folder.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there are no class folders, or one has no name in the file.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder.parent} has no train/; make train/ and test/ with a folder per class, or set "
            "DATASET.SPLIT, such as (0.5, 0.2, 0.3), if the class folders are in it"
        )
    folders = [name for name in class_folders(folder) if name != CACHE_FOLDER]
    if not folders:
        raise ValueError(
            f"{folder} has no class folders; put the images of each class into their own folder"
        )
    if not names_file:
        return {name: name for name in folders}
    names = read_json(Path(names_file))
    if not isinstance(names, dict):
        names = {}
    if absent := [
        name for name in folders if not isinstance(names.get(name), str) or not names[name].strip()
    ]:
        raise ValueError(
            f"{names_file} (DATASET.CLASS_NAMES) has no name for folder {absent[0]!r}; "
            'it needs {"folder": "class name"} for all class folders'
        )
    return {name: names[name] for name in folders}


def read_parts(folder: Path, classes: dict[str, str], _: Sequence[float]) -> Split:
    """The split in the folders train/, val/ (if there is one) and test/."""
    if not (folder / "test").is_dir():
        raise FileNotFoundError(
            f"{folder} has no test/; make it, or join all and set DATASET.SPLIT"
        )
    val = _read_part(folder, "val", classes) if (folder / "val").is_dir() else None
    return Split(_read_part(folder, "train", classes), val, _read_part(folder, "test", classes))


def read_whole(folder: Path, classes: dict[str, str], shares: Sequence[float]) -> Split:
    """A split by shares of all class folders."""
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        raise ValueError(
            f"{folder} has train/ and test/, so DATASET.SPLIT {shares} does not apply; remove it"
        )
    return split_by_shares(_read_part(folder, "", classes), shares)


def split_by_shares(items: list[Item], shares: Sequence[float]) -> Split:
    """A split by shares of each class, the same for every seed.

    Raises:
        ValueError: the shares are not three that sum to 1, or a class has too few images.
    """
    if (
        len(shares) != 3
        or any(isinstance(share, str) or share < 0 for share in shares)
        or not math.isclose(sum(shares), 1)
    ):
        raise ValueError(
            f"DATASET.SPLIT is {shares}; give shares of train, val and test: (0.5, 0.2, 0.3)"
        )
    train, val, _ = shares
    parts = cut(by_label(items), (train, val) if val else (train,), random.Random(0))
    return Split(*parts) if val else Split(parts[0], None, parts[1])


def _read_part(folder: Path, part: str, classes: dict[str, str]) -> list[Item]:
    labels = {name: label for label, name in enumerate(classes)}
    if unknown := sorted(set(class_folders(folder / part)) - set(classes) - {CACHE_FOLDER}):
        raise ValueError(
            f"{folder / part / unknown[0]} is not a class: train/ has no such folder; add it or "
            "remove this one"
        )
    items = []
    for name in filter(lambda name: (folder / part / name).is_dir(), classes):
        files = [
            f for f in visible_files(folder / part / name) if Path(f).suffix.lower() in SUFFIXES
        ]
        if not files:
            raise ValueError(
                f"{folder / part / name} has no images ({' '.join(sorted(SUFFIXES))}); add some"
            )
        items += [
            Item(f"{part}/{name}/{file}".lstrip("/"), labels[name], classes[name]) for file in files
        ]
    return items
