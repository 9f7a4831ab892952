"""Made dataset roots, and the configuration to read them with."""

import random
from pathlib import Path

from dassl.config import get_cfg_default
from dassl.data.datasets import DATASET_REGISTRY, DatasetBase
from PIL import Image
from yacs.config import CfgNode

import datasets.register
from tests.dataset_parity import load_golden

GOLDEN = Path(__file__).parent / "golden"


def make_root(root: Path, name: str, split_file: bool = True) -> Path:
    """A dataset in its official layout, about 300 images of 8 x 8 pixels; its folder."""
    return Path(load_golden(GOLDEN).make_root(str(root), name, 0, split_file))


def config(
    root: Path | str, shots: int = -1, subsample: str = "all", seed: int = 1, **keys
) -> CfgNode:
    """A configuration; further keys are of DATASET."""
    cfg = get_cfg_default()
    datasets.extend_cfg(cfg)
    cfg.SEED = seed
    keys = {"ROOT": str(root), "NUM_SHOTS": shots, "SUBSAMPLE_CLASSES": subsample, **keys}
    cfg.DATASET.merge_from_other_cfg(CfgNode(keys))
    return cfg


def load(name: str, root: Path | str, *args, **keys) -> DatasetBase:
    """The dataset as a seeded run builds it; arguments are those of `config`."""
    cfg = config(root, *args, **keys)
    random.seed(cfg.SEED)
    return DATASET_REGISTRY.get(name)(cfg)


def items(part: list | None) -> list[tuple[str, int, str]]:
    """(file name, label, class name) of each item."""
    return [(Path(item.impath).name, item.label, item.classname) for item in part or ()]


def make_images(folder: Path, *names: str) -> None:
    """Images of 2 x 2 pixels."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (2, 2)).save(path)
