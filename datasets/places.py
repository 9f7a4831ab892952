"""Where the images of a configuration are. Imports no PyTorch: a missing folder is said at once."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from datasets import OWN
from datasets.check.published import PUBLISHED
from datasets.files import absolute

if TYPE_CHECKING:
    from yacs.config import CfgNode


def check_folder(cfg: "CfgNode") -> None:
    """
    Raises:
        FileNotFoundError: the folder of the configuration's dataset is not there.
    """
    name, root = cfg.DATASET.NAME, cfg.DATASET.ROOT
    if name in PUBLISHED:
        published_folder(name, PUBLISHED[name].folder, root)
    elif name in OWN and not absolute(os.path.join(root, cfg.DATASET.FOLDER)).is_file():
        own_folder(cfg)


def published_folder(name: str, dataset_dir: str, root: str) -> Path:
    """The folder of a published dataset, absolute.

    Raises:
        FileNotFoundError: it is not there.
    """
    base = absolute(root)
    if not base.is_dir():
        raise FileNotFoundError(
            f"--root (DATASET.ROOT) is {base}, which is not a folder; give the one that has "
            f"{dataset_dir}/"
        )
    folder = base / dataset_dir
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{name}: --root (DATASET.ROOT) is {base}, which has no {dataset_dir}/; "
            f"{where_it_belongs(name, base)}"
        )
    return folder


def where_it_belongs(name: str, root: Path) -> str:
    return f"`python -m datasets.check --root {root} {name}` says what belongs where"


def own_folder(cfg: "CfgNode") -> Path:
    """The folder of your own data, absolute.

    Raises:
        FileNotFoundError: it is not there.
    """
    folder = absolute(os.path.join(cfg.DATASET.ROOT, cfg.DATASET.FOLDER))
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} is not a folder; it is made of --root (DATASET.ROOT), "
            f"{cfg.DATASET.ROOT!r}, and DATASET.FOLDER, {cfg.DATASET.FOLDER!r}"
        )
    return folder
