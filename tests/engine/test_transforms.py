"""Every choice of transforms, and their order."""

import pytest
from dassl.data.transforms import AVAI_CHOICES, build_transform
from PIL import Image


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
