"""Items, few-shot sampling, transforms, loaders, samplers."""

import random

import pytest
import torch
from dassl.data import DataManager, DatasetWrapper
from dassl.data.datasets import DatasetBase, Datum
from dassl.data.samplers import build_sampler
from dassl.data.transforms import AVAI_CHOICES, build_transform
from PIL import Image

from tests.engine import toy


@pytest.fixture
def root(tmp_path):
    toy.write_images(tmp_path)
    return tmp_path


@pytest.fixture
def cfg(root, tmp_path):
    return toy.config(root, tmp_path / "out")


@pytest.fixture
def items(cfg):
    return toy.Toy(cfg).train_x


def test_a_datum_is_read_only_and_needs_its_file(root):
    datum = Datum(str(root / "red0.png"), 2, 1, "red")
    assert (datum.label, datum.domain, datum.classname, vars(datum)["_label"]) == (2, 1, "red", 2)
    with pytest.raises(AttributeError):
        datum.label = 3
    with (
        pytest.warns(UserWarning, match="no file found"),
        pytest.raises(AssertionError, match="no image at"),
    ):
        Datum(str(root / "none.png"))


def test_few_shots_are_random_samples_in_first_seen_order(items):
    dataset = DatasetBase(train_x=items)
    shuffled = items[::-1]
    random.seed(5)
    ours = dataset.generate_fewshot_dataset(shuffled, num_shots=2)
    random.seed(5)
    expected = [
        item
        for label in (2, 1, 0)
        for item in random.sample([i for i in shuffled if i.label == label], 2)
    ]
    assert ours == expected
    assert dataset.generate_fewshot_dataset(items, num_shots=0) is items
    assert len(dataset.generate_fewshot_dataset(items, num_shots=9)) == 18
    assert len(dataset.generate_fewshot_dataset(items, num_shots=9, repeat=True)) == 27
    assert [len(part) for part in dataset.generate_fewshot_dataset(items, items, num_shots=1)] == [
        3,
        3,
    ]


def test_class_names_follow_from_the_training_items(items):
    dataset = DatasetBase(train_x=items[::-1])
    assert (dataset.num_classes, dataset.classnames) == (3, ["red", "green", "blue"])
    assert dataset.lab2cname == {0: "red", 1: "green", 2: "blue"}


def test_every_choice_gives_a_tensor_of_the_size(cfg):
    picture = Image.new("RGB", (30, 20), (90, 120, 30))
    cfg.INPUT.GB_K = 5  # a blur takes pictures larger than half its kernel
    for choice in AVAI_CHOICES:
        if choice == "random_crop":
            picture = picture.resize((8, 8))
        assert build_transform(cfg, is_train=True, choices=[choice, "normalize"])(
            picture
        ).shape == (3, 8, 8), choice
    with pytest.raises(ValueError, match="INPUT.TRANSFORMS has 'flip'; choose from random_flip"):
        build_transform(cfg, choices=["flip"])


def test_the_order_of_transforms(cfg):
    names = lambda is_train: [
        type(step).__name__ for step in build_transform(cfg, is_train).transforms
    ]  # noqa: E731
    cfg.INPUT.TRANSFORMS = [
        "normalize",
        "cutout",
        "random_flip",
        "random_resized_crop",
        "center_crop",
    ]
    assert names(True) == [
        "RandomResizedCrop",
        "RandomHorizontalFlip",
        "ToTensor",
        "Cutout",
        "Normalize",
    ]
    assert names(False) == ["Resize", "CenterCrop", "ToTensor", "Normalize"]
    cfg.INPUT.TRANSFORMS = ["random_flip"]
    assert names(True) == ["Resize", "RandomHorizontalFlip", "ToTensor"]


def test_batches_are_dicts_and_training_drops_the_rest(cfg):
    manager = DataManager(cfg)
    batch = next(iter(manager.train_loader_x))
    assert set(batch) == {"img", "label", "domain", "impath", "index"}
    assert batch["img"].shape == (4, 3, 8, 8) and batch["img"].dtype == torch.float32
    assert (len(manager.train_loader_x), len(manager.test_loader), manager.train_loader_u) == (
        4,
        2,
        None,
    )
    cfg.DATALOADER.TRAIN_X.BATCH_SIZE = 100
    assert len(DataManager(cfg).train_loader_x) == 1


def test_several_views(cfg, items):
    first, second = build_transform(cfg), build_transform(cfg)
    cfg.DATALOADER.RETURN_IMG0 = True
    output = DatasetWrapper(cfg, items, [first, second], is_train=True)[0]
    assert output["img"].shape == output["img2"].shape == output["img0"].shape == (3, 8, 8)
    cfg.DATALOADER.K_TRANSFORMS = 3
    assert len(DatasetWrapper(cfg, items, first, is_train=True)[0]["img"]) == 3
    with pytest.raises(ValueError, match="K_TRANSFORMS is 3"):
        DatasetWrapper(cfg, items, None, is_train=True)


def test_samplers(items):
    order = list(build_sampler("RandomClassSampler", data_source=items, batch_size=4, n_ins=2))
    for i in range(0, len(order), 4):
        labels = [items[k].label for k in order[i : i + 4]]
        assert labels[0] == labels[1] != labels[2] == labels[3]
    assert list(build_sampler("SequentialSampler", data_source=items)) == list(range(18))
    assert sorted(build_sampler("RandomSampler", data_source=items)) == list(range(18))
    with pytest.raises(ValueError, match="sampler is 'Best'; choose one of RandomSampler"):
        build_sampler("Best", data_source=items)


def test_an_unreadable_image_is_named(cfg, root):
    (root / "red0.png").write_bytes(b"no image")
    with pytest.raises(OSError, match=r"red0.png can't be read"):
        DatasetWrapper(cfg, toy.Toy(cfg).train_x, build_transform(cfg))[0]
