"""Every choice of transforms, and their order."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from dassl.data.transforms import AVAI_CHOICES, build_transform
from PIL import Image

from tests.engine import observed

GOLDENS = json.loads(Path(__file__).with_name("observed.json").read_text())


@pytest.mark.parametrize("name", observed.TRANSFORMS)
def test_images_are_those_of_dassl_pytorch(name):
    """Made by `observed.py` on Dassl.pytorch 0.6.3."""
    assert observed.images(name) == pytest.approx(GOLDENS["images"][name], abs=1e-3)


def test_transforms_can_be_sent_to_spawned_processes(cfg):
    choices = [choice for choice in AVAI_CHOICES if choice != "random_crop"]
    cfg.INPUT.GB_K = 5
    transform = build_transform(cfg, choices=choices)
    sent, images = pickle.loads(pickle.dumps(transform)), []
    for each in (transform, sent):
        observed.seed(1)
        images.append(each(observed.picture()))
    assert torch.equal(*images)


def test_augmentation_leaves_the_image_alone(cfg):
    cfg.INPUT.GB_K, image = 5, observed.picture()
    for choice in set(AVAI_CHOICES) - {"random_crop"}:
        transform = build_transform(cfg, choices=[choice])
        for number in range(20):
            observed.seed(number)
            transform(image)
    assert image.tobytes() == observed.picture().tobytes()


def test_every_choice_gives_a_tensor_of_the_size(cfg):
    picture = Image.new("RGB", (30, 20), (90, 120, 30))
    cfg.INPUT.GB_K = 5  # a blur takes pictures larger than half its kernel
    for choice in AVAI_CHOICES:
        if choice == "random_crop":
            picture = picture.resize((8, 8))
        transform = build_transform(cfg, is_train=True, choices=[choice, "normalize"])
        assert transform(picture).shape == (3, 8, 8), choice
    with pytest.raises(ValueError, match="INPUT.TRANSFORMS has 'flip'; choose from random_flip"):
        build_transform(cfg, choices=["flip"])


def test_the_order_of_transforms(cfg):
    def names(is_train):
        steps = build_transform(cfg, is_train).transforms
        return " ".join(type(step).__name__ for step in steps)

    choices = "normalize cutout random_flip random_resized_crop center_crop"
    cfg.INPUT.TRANSFORMS = choices.split()
    assert names(True) == "RandomResizedCrop RandomHorizontalFlip ToTensor Cutout Normalize"
    assert names(False) == "Resize CenterCrop ToTensor Normalize"
    cfg.INPUT.TRANSFORMS = ["random_flip"]
    assert names(True) == "Resize RandomHorizontalFlip ToTensor"


@pytest.mark.parametrize(
    "choice, key, value, message",
    [
        ("normalize", "PIXEL_MEAN", [0.5], r"is \[0.5\]; it takes three numbers"),
        ("normalize", "PIXEL_STD", ["a", 1, 1], r"is \['a', 1, 1\]; it takes three"),
        ("normalize", "PIXEL_STD", [1, 0, 1], r"is \[1, 0, 1\]; all three must be above 0"),
        ("normalize", "PIXEL_MEAN", [1e300, 1, 1], "all three must be within -1000 and 1000"),
        ("normalize", "PIXEL_STD", [1e300, 1, 1], "all three must be above 0 and at most 1000"),
        ("random_resized_crop", "RRCROP_SCALE", (), r"is \(\); it takes the smallest and the"),
        ("random_resized_crop", "RRCROP_SCALE", (0.9, 0.1), r"is \(0.9, 0.1\); it takes"),
        ("random_crop", "CROP_PADDING", -1, "is -1; it must be at least 0"),
        ("colorjitter", "COLORJITTER_H", 0.6, "is 0.6; it must be at most 0.5"),
        ("colorjitter", "COLORJITTER_B", -0.1, "is -0.1; it must be at least 0"),
        ("randaugment", "RANDAUGMENT_M", 31, "is 31; it must be at most 30"),
        ("randaugment2", "RANDAUGMENT_N", 10**12, "is 1000000000000; it must be at most 100"),
        ("cutout", "CUTOUT_N", 10**12, "is 1000000000000; it must be at most 1000"),
        ("randomgrayscale", "RGS_P", 1.5, "is 1.5; it must be at most 1"),
        ("gaussian_blur", "GB_K", 20, "is 20; a blur's kernel has an odd number"),
        ("gaussian_noise", "GN_STD", -1.0, "is -1.0; it must be at least 0"),
    ],
)
def test_a_value_that_a_choice_does_not_take_is_refused(cfg, choice, key, value, message):
    cfg.INPUT[key] = value
    build_transform(cfg, choices=[])  # nobody uses it
    with pytest.raises(ValueError, match=f"^INPUT.{key} (is .*; )?{message}"):
        build_transform(cfg, choices=[choice])
