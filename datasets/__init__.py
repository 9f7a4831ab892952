"""Datasets for Dassl, one file each. Importing `datasets.register` makes their names known.

`python -m datasets.check` says which of them are ready.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yacs.config import CfgNode

OWN = ("ImageFolder", "CSV")  # names of the datasets for one's own images


def extend_cfg(cfg: "CfgNode") -> None:
    """Add the config keys of our datasets, with their defaults.

    If PyTorch is imported already, it also makes their names known; else that would take seconds.
    """
    if "torch" in sys.modules:
        import_module("datasets.register")
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"  # or base, new: a half of the classes
    cfg.DATASET.FOLDER = ""  # ImageFolder and CSV: the folder, or table, in ROOT
    cfg.DATASET.SPLIT = ()  # without train/ and test/ or a column split: shares of train, val, test
    cfg.DATASET.SHUFFLED_SPLIT = False  # SPLIT as runs of version 0.1 drew it
    cfg.DATASET.CLASS_NAMES = ""  # ImageFolder: a JSON file {"folder": "class name"} in FOLDER
    cfg.DATASET.CSV_FILE = "images.csv"  # CSV: the table, in FOLDER
    cfg.DATASET.BAD_IMAGES = "stop"  # own images that can't be read; or skip: leave them out
    cfg.DATASET.REFUSE_DUPLICATES = False  # own images: copies in two classes or parts are an error
