"""Cached images are those of the files, in whichever process; what does not fit is read again."""

import numpy as np
import pytest
import torch
from dassl.config import get_cfg_default
from dassl.data import DatasetWrapper
from dassl.data.data_manager import build_data_loader
from dassl.data.datasets import Datum
from dassl.data.image_cache import ImageCache
from dassl.data.transforms import build_transform
from PIL import Image


@pytest.fixture
def items(tmp_path):
    """Six images of different sizes."""
    items, rng = [], np.random.default_rng(0)
    for i in range(6):
        path = tmp_path / f"{i}.png"
        Image.fromarray(rng.integers(0, 255, (20 + i, 30, 3), dtype=np.uint8)).save(path)
        items.append(Datum(str(path), i))
    return items


def config(workers=0):
    cfg = get_cfg_default()
    cfg.INPUT.SIZE, cfg.INPUT.TRANSFORMS = (16, 16), ("random_resized_crop", "random_flip")
    cfg.DATALOADER.NUM_WORKERS = workers
    return cfg


def test_an_image_is_decoded_once_and_stays_the_same(items):
    cache = ImageCache(6, 2**20)
    first = [np.asarray(cache.read(i, item.impath)) for i, item in enumerate(items)]
    again = [np.asarray(cache.read(i, "no such file")) for i in range(6)]
    for a, b, item in zip(first, again, items, strict=True):
        assert np.array_equal(a, b) and np.array_equal(a, np.asarray(Image.open(item.impath)))


def test_beyond_the_limit_images_are_read_from_their_files(items):
    cache = ImageCache(6, 30 * 20 * 3 + 30 * 21 * 3)  # room for two
    for i, item in enumerate(items):
        cache.read(i, item.impath)
    assert cache.places[:, 2].tolist() == [20, 21, 0, 0, 0, 0]
    assert cache.read(5, items[5].impath).size == (30, 25)


def test_loading_processes_fill_it_for_later_epochs(items):
    cfg = config(workers=1)
    loader = build_data_loader(cfg, data_source=items, batch_size=2, tfm=build_transform(cfg))
    assert sorted(label for batch in loader for label in batch["label"].tolist()) == list(range(6))
    for item in items:
        Image.new("RGB", (30, 30)).save(item.impath)
    assert all(batch["img"].max() > 0 for batch in loader)


def test_augmentation_is_the_same_with_and_without(items):
    batches = []
    for megabytes in (0, 8):
        cfg = config()
        cfg.DATALOADER.CACHE_MB = megabytes
        loader = build_data_loader(cfg, data_source=items, batch_size=6, tfm=build_transform(cfg))
        for _ in range(2):
            torch.manual_seed(3)
            batches.append(next(iter(loader))["img"])
    assert all(torch.equal(batches[0], other) for other in batches[1:])


def test_only_training_images_are_kept(items):
    assert DatasetWrapper(config(), items, is_train=False).cache is None
    cfg = config()
    cfg.DATALOADER.CACHE_MB = 0
    assert DatasetWrapper(cfg, items, is_train=True).cache is None
