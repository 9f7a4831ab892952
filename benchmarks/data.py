"""Data loading: training images per second in one process, with and without a cache.

    python -m benchmarks.data --images 256

The images are made-up JPEG photographs of 500 x 375 pixels, with the published training
transforms, in batches of 4. The first epoch, in which both sides decode, is not timed.
"""

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
from promptsrc.command import Parser


@dataclass
class Row:
    """Images per second, with the cache of decoded images and without it."""

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
    """`count` JPEG files: smooth random colours and noise, which compress like photographs."""
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
    """Batches of 4 with the published training transforms, and a cache of that many megabytes."""
    cfg = get_cfg_default()
    cfg.INPUT.SIZE, cfg.INPUT.INTERPOLATION = (resolution, resolution), "bicubic"
    cfg.INPUT.TRANSFORMS = ("random_resized_crop", "random_flip", "normalize")
    cfg.DATALOADER.NUM_WORKERS, cfg.DATALOADER.CACHE_MB = workers, megabytes
    return build_data_loader(cfg, "RandomSampler", items, 4, tfm=build_transform(cfg))


def main(argv: Sequence[str] | None = None) -> int:
    """Its exit code."""
    flags = Parser(__doc__)
    flags.add_argument("--images", type=int, default=256)
    flags.add_argument("--repeats", type=int, default=5, help="number of epochs (median)")
    flags.add_argument("--json", type=Path, metavar="FILE", help="also write the row there")
    args = flags.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        items = photographs(Path(folder), args.images)
        loaders = {"cached": loader(items, 1024), "decoded": loader(items, 0)}
        works = {name: partial(collections.deque, batches, 0) for name, batches in loaders.items()}
        times = in_turn(works, args.repeats, torch.device("cpu"))
    cached, decoded = (args.images / times[name] for name in ("cached", "decoded"))
    row = Row(args.images, cached / decoded, cached, decoded)
    print(f"{HEADER}\n{row}")
    store([row], args.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
