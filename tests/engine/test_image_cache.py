"""Cached images are those of the files, in whichever process; what does not fit is read again."""

import copy
import os
import pickle

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


def paths(items):
    return [item.impath for item in items]


def test_an_image_is_decoded_once_and_stays_the_same(items):
    cache = ImageCache(paths(items), 2**20)
    first = [np.asarray(cache.read(path)) for path in paths(items)]
    for item in items:
        os.rename(item.impath, f"{item.impath}.moved")
    again = [np.asarray(cache.read(path)) for path in paths(items)]
    for a, b, item in zip(first, again, items, strict=True):
        with Image.open(f"{item.impath}.moved") as image:
            assert np.array_equal(a, b) and np.array_equal(a, np.asarray(image))


def test_beyond_the_limit_images_are_read_from_their_files(items):
    cache = ImageCache(paths(items), 30 * 20 * 3 + 30 * 21 * 3)  # room for two
    for path in paths(items):
        cache.read(path)
    assert cache.places[:, 2].tolist() == [20, 21, 0, 0, 0, 0]
    assert cache.read(items[5].impath).size == (30, 25)


@pytest.mark.parametrize(
    "changed",
    [
        lambda items: items[::-1],
        lambda items: items[2:3] * 9,  # longer than what the cache was made for
        lambda items: [*items, Datum(items[0].impath.replace("0.png", "new.png"), 6)],
    ],
)
def test_a_data_source_may_be_replaced(items, changed):
    """As pseudo-labelling, active learning and mining of hard negatives do."""
    Image.new("RGB", (9, 40)).save(items[0].impath.replace("0.png", "new.png"))
    dataset = DatasetWrapper(config(), items, is_train=True)
    for _ in range(2):
        assert [dataset[i]["img"].height for i in range(6)] == [20, 21, 22, 23, 24, 25]
    dataset.data_source = changed(items)
    for _ in range(2):
        for i, item in enumerate(dataset.data_source):
            height = 40 if item.label == 6 else 20 + item.label
            assert dataset[i]["img"].height == height and dataset[i]["label"] == item.label


def test_images_of_a_cache_are_read_as_the_configuration_says(items):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.open(items[0].impath).save(items[0].impath, exif=exif)
    for read_as, size in (("", (30, 20)), ("stored", (30, 20)), ("shown", (20, 30))):
        for megabytes in (0, 1):
            cfg = config()
            cfg.INPUT.READ_AS, cfg.DATALOADER.CACHE_MB = read_as, megabytes
            dataset = DatasetWrapper(cfg, items, is_train=True)
            assert [dataset[0]["img"].size for _ in range(2)] == [size, size]
    cfg.INPUT.READ_AS = "sideways"
    with pytest.raises(ValueError, match="READ_AS is 'sideways'; choose one of stored, shown"):
        DatasetWrapper(cfg, items)


def test_a_copied_loader_shares_the_cache_and_a_pickled_one_has_none(items):
    cfg = config()
    loader = build_data_loader(cfg, data_source=items, batch_size=6, tfm=build_transform(cfg))
    copied, pickled = copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))
    assert copied.dataset.cache is loader.dataset.cache and pickled.dataset.cache is None
    batches = []
    for one in (loader, copied, pickled):
        torch.manual_seed(3)
        batches += one
    for batch in batches:
        assert torch.equal(batch["img"], batches[0]["img"])


def test_spawned_processes_load_the_same_images(items):
    cfg = config(workers=1)
    loader = build_data_loader(cfg, data_source=items, batch_size=6, tfm=build_transform(cfg))
    batches = []
    for method in ("fork", "spawn"):
        loader.multiprocessing_context = method
        torch.manual_seed(3)
        batches += loader
    assert torch.equal(batches[0]["img"], batches[1]["img"])


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
