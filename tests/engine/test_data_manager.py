"""Batches as dicts, several views of an image."""

import copy
import json
import pickle
from pathlib import Path

import pytest
import torch
from dassl.data import DataManager, DatasetWrapper, build_data_loader, data_manager
from dassl.data.transforms import build_transform
from dassl.utils import read_image

from tests.engine import observed

GOLDENS = json.loads(Path(__file__).with_name("observed.json").read_text())


def test_batches_are_dicts_and_training_drops_the_rest(cfg):
    manager = DataManager(cfg)
    batch = next(iter(manager.train_loader_x))
    assert set(batch) == {"img", "label", "domain", "impath", "index"}
    assert batch["img"].shape == (4, 3, 8, 8) and batch["img"].dtype == torch.float32
    assert (len(manager.train_loader_x), len(manager.test_loader)) == (4, 2)
    assert manager.train_loader_u is None
    cfg.DATALOADER.TRAIN_X.BATCH_SIZE = 100
    assert len(DataManager(cfg).train_loader_x) == 1


def test_views_are_those_of_dassl_pytorch():
    """Made by `observed.py` on Dassl.pytorch 0.6.3."""
    for seen, recorded in zip(observed.views(), GOLDENS["views"], strict=True):
        assert seen == pytest.approx(recorded, abs=1e-3)


def test_several_views(cfg, items):
    first, second = build_transform(cfg), build_transform(cfg)
    cfg.DATALOADER.RETURN_IMG0 = True
    output = DatasetWrapper(cfg, items, [first, second], is_train=True)[0]
    assert output["img"].shape == output["img2"].shape == output["img0"].shape == (3, 8, 8)
    cfg.DATALOADER.K_TRANSFORMS = 3
    assert len(DatasetWrapper(cfg, items, first, is_train=True)[0]["img"]) == 3
    with pytest.raises(ValueError, match="K_TRANSFORMS is 3"):
        DatasetWrapper(cfg, items, None, is_train=True)
    output = DatasetWrapper(cfg, items)[0]
    assert output["img"].size == (20, 16) and output["img0"].shape == (3, 8, 8)


def test_where_processes_are_spawned_they_load_the_same_images(cfg, items, monkeypatch):
    """As on Windows and macOS: the dataset is pickled, and no memory is shared."""
    cfg.DATALOADER.NUM_WORKERS = 1
    batches = []
    for method in ("fork", "spawn"):
        monkeypatch.setattr(data_manager, "can_share", lambda method=method: method == "fork")
        loader = build_data_loader(cfg, data_source=items, batch_size=18, tfm=build_transform(cfg))
        assert (loader.dataset.cache is None) == (method == "spawn")
        loader.multiprocessing_context = method
        torch.manual_seed(5)
        batches += loader
    assert torch.equal(batches[0]["img"], batches[1]["img"])


class Weak(DatasetWrapper):
    """A plug-in's own: one more view of each image."""

    def __getitem__(self, idx):
        output = super().__getitem__(idx)
        image = read_image(self.data_source[idx].impath)
        return output | {"again": self._transform_image(self.transform, image)}


def test_a_plug_in_may_wrap_replace_copy_and_send_what_a_loader_reads(cfg):
    cfg.DATALOADER.NUM_WORKERS, cfg.DATALOADER.TRAIN_X.BATCH_SIZE = 1, 18
    loader = DataManager(cfg, dataset_wrapper=Weak).train_loader_x
    loader.dataset.data_source = loader.dataset.data_source[::-1] * 2
    copied, sent = copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))
    batches = []
    for one, method in ((loader, "fork"), (copied, "fork"), (sent, "fork"), (copied, "spawn")):
        one.multiprocessing_context = method
        observed.seed(5)
        batches += one
    for batch in batches:
        assert torch.equal(batch["img"], batches[0]["img"])
        assert torch.equal(batch["again"], batches[0]["again"])
        colour = batch["img"].flatten(2).mean(2).argmax(1)  # red, green, blue
        assert torch.equal(colour, batch["label"])
