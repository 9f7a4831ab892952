"""Data loading: training images a second and loading process, with decoded images kept and without.

    python -m benchmarks.data --images 256

Made-up JPEG photographs of 500 x 375 pixels, the training transforms of the published configurations, batches of 4, loaded in the process
itself. The first epoch, in which images are decoded either way, warms up.
"""

import argparse
import collections
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from dassl.config import get_cfg_default
from dassl.data.data_manager import build_data_loader
from dassl.data.datasets import Datum
from dassl.data.transforms import build_transform
from PIL import Image
from torch.utils.data import DataLoader

from benchmarks.command import store
from benchmarks.measure import in_turn


@dataclass
class Row:
    """Images a second."""

    images: int
    ratio: float
    images_per_second: float
    images_per_second_without_cache: float

    def __str__(self) -> str:
        return (
            f"{self.images:6} {self.ratio:6.2f} {self.images_per_second:9.1f} "
            f"{self.images_per_second_without_cache:15.1f}"
        )


HEADER = "images  ratio  images/s  without a cache"


def photographs(folder: Path, count: int, size: tuple[int, int] = (500, 375)) -> list[Datum]:
    """`count` JPEG files of smooth random colours and some noise, which compress about as photographs do."""
    rng, items = np.random.default_rng(0), []
    for i in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(
            size, Image.Resampling.BICUBIC
        )
        noisy = np.asarray(coarse, np.int16) + rng.integers(-12, 13, (size[1], size[0], 1))
        path = folder / f"{i}.jpg"
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        items.append(Datum(str(path), i % 10))
    return items


def loader(
    items: list[Datum], megabytes: int, workers: int = 0, resolution: int = 224
) -> DataLoader:
    """Batches of 4 with the published training transforms, and so much memory for decoded images."""
    cfg = get_cfg_default()
    cfg.INPUT.SIZE, cfg.INPUT.INTERPOLATION = (resolution, resolution), "bicubic"
    cfg.INPUT.TRANSFORMS = ("random_resized_crop", "random_flip", "normalize")
    cfg.DATALOADER.NUM_WORKERS, cfg.DATALOADER.CACHE_MB = workers, megabytes
    return build_data_loader(cfg, "RandomSampler", items, 4, tfm=build_transform(cfg))


def main(argv: Sequence[str] | None = None) -> int:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--images", type=int, default=256)
    flags.add_argument("--repeats", type=int, default=5, help="the median is over so many epochs")
    flags.add_argument("--json", type=Path, metavar="FILE", help="also write the row there")
    args = flags.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        items = photographs(Path(folder), args.images)
        loaders = {"kept": loader(items, 1024), "decoded": loader(items, 0)}
        works = {name: partial(collections.deque, batches, 0) for name, batches in loaders.items()}
        times = in_turn(works, args.repeats, torch.device("cpu"))
    kept, without = (args.images / times[name] for name in ("kept", "decoded"))
    row = Row(args.images, kept / without, kept, without)
    print(f"{HEADER}\n{row}")
    store([row], args.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
