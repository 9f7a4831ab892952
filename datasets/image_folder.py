"""Your own images in class folders: in train/, test/ and perhaps val/, or in one folder."""

from dassl.data.datasets import DATASET_REGISTRY
from yacs.config import CfgNode

from datasets.base import OwnDataset
from datasets.class_folders import Reader, read_classes
from datasets.classnames import check_distinct
from datasets.files import class_folders
from datasets.parts import find_parts
from datasets.places import own_folder
from datasets.shares import split_by_shares
from datasets.splits import Split


@DATASET_REGISTRY.register()
class ImageFolder(OwnDataset):
    """Labels follow the sorted class folders, whose names are the class names.

    The images of a class are in and below its folder. A JSON file (DATASET.CLASS_NAMES) gives other
    class names. Without train/ and test/, DATASET.SPLIT gives the shares of train, val and test.

    Raises:
        FileNotFoundError: the folder, or its train/, is not there.
        ValueError: DATASET.SPLIT or DATASET.CLASS_NAMES does not fit, or a class is empty.
    """

    def __init__(self, cfg: CfgNode):
        folder, shares = own_folder(cfg), cfg.DATASET.SPLIT
        parts = find_parts(folder, shares)
        classes = read_classes(
            folder / parts.get("train", ""),
            cfg.DATASET.CLASS_NAMES and folder / cfg.DATASET.CLASS_NAMES,
        )
        check_distinct(classes, folder, "folders", "join them, or set DATASET.CLASS_NAMES")
        reader = Reader(folder, classes)
        if shares:
            split = split_by_shares(reader.items(""), shares, cfg.DATASET.SHUFFLED_SPLIT)
        else:
            items = {part: reader.items(parts[part]) for part in Split._fields if part in parts}
            split = Split(items["train"], items.get("val"), items.get("test", []))
            reader.pass_over_folders(set(class_folders(folder)) - set(parts.values()))
        reader.say()
        super().__init__(cfg, folder, split)
