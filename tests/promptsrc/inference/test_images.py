"""Images are read and prepared as a run's own test does it."""

import json

import numpy as np
import pytest
import torch
from dassl.data.transforms import build_transform
from dassl.engine import TRAINER_REGISTRY
from PIL import Image

from promptsrc.inference import images
from promptsrc.weights.stated import INTERPOLATIONS
from runs.config import default_config, merge_file
from tests.conftest import ROOT
from tests.parity import recorded
from tests.promptsrc.inference.test_classifier import NEW, config


def stated(cfg):
    """What a run of this configuration states as `input`, as a safetensors file holds it."""
    run = recorded(TRAINER_REGISTRY.get("CoOp"), NEW, [])(cfg)
    return json.loads(json.dumps(run.description))["input"]


@pytest.mark.parametrize("transforms", [(), ("normalize",), ("random_flip", "normalize")])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear", "nearest"])
def test_preprocessing_is_the_runs_test_transform_bit_for_bit(tmp_path, transforms, interpolation):
    cfg, noise = config("CoOp", tmp_path), np.random.RandomState(0)
    cfg.INPUT.TRANSFORMS, cfg.INPUT.INTERPOLATION = transforms, interpolation
    cfg.INPUT.PIXEL_MEAN = [0.1, 0.2, 0.3]
    ours, theirs = images.Preprocessing.of(stated(cfg), 32), build_transform(cfg, is_train=False)
    for size in ((40, 50), (100, 37), (32, 32), (9, 33)):
        image = Image.fromarray(noise.randint(0, 256, (*size, 3), dtype=np.uint8))
        assert torch.equal(ours(image), theirs(image))


def test_a_transform_that_is_unknown_here_is_refused(tmp_path):
    cfg = config("CoOp", tmp_path)
    cfg.INPUT.TRANSFORMS = ("instance_norm", "normalize")
    with pytest.raises(ValueError, match="the images of these prompts need instance_norm"):
        images.Preprocessing.of(stated(cfg), 32)


@pytest.mark.parametrize(
    "stated, message",
    [
        ({}, "for images of None pixels, but their backbone is for 48"),
        ({"size": 224}, "for images of 224 pixels, but their backbone is for 48"),
        ({"size": 48, "mean": "abc"}, "the images' mean is 'abc'; it must be three numbers"),
        ({"size": 48, "std": [1, 0, 1]}, r"the images' std is \[1, 0, 1\]; it must not hold 0"),
        ({"size": 48, "std": [1, 2]}, r"the images' std is \[1, 2\]; it must be three numbers"),
        ({"size": 48, "interpolation": "box"}, "is 'box'; use bicubic, bilinear, nearest"),
    ],
)
def test_values_that_cannot_be_used(stated, message):
    with pytest.raises(ValueError, match=message):
        images.Preprocessing.of(stated, 48)


def test_defaults_of_the_input_are_those_of_the_configs():
    cfg = default_config()
    merge_file(cfg, str(ROOT / "configs/trainers/PromptSRC/vit_b16_c2_ep20_batch4_4+4ctx.yaml"))
    default = images.Preprocessing(224)
    assert (tuple(cfg.INPUT.PIXEL_MEAN), tuple(cfg.INPUT.PIXEL_STD)) == (default.mean, default.std)
    assert default.interpolation == cfg.INPUT.INTERPOLATION


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_pixels_are_torchvisions_bit_for_bit(interpolation):
    """Larger and smaller images of odd and even sides, and some that are very long."""
    transforms, noise = pytest.importorskip("torchvision.transforms"), np.random.RandomState(1)
    for size in (1, 7, 32, 49):
        ours = images.Preprocessing(size, interpolation=interpolation)
        steps = transforms.Compose(
            [
                transforms.Resize(size, transforms.InterpolationMode(interpolation)),
                transforms.CenterCrop(size),
                transforms.ToTensor(),
                transforms.Normalize(ours.mean, ours.std),
            ]
        )
        sides = [(size, size), (size, 2 * size + 1), (1, 1), (1, 90), (90, 1), (2, 3)]
        for width, height in [*sides, *noise.randint(1, 120, (40, 2)).tolist()]:
            image = Image.fromarray(noise.randint(0, 256, (height, width, 3), dtype=np.uint8))
            assert torch.equal(ours(image), steps(image)), (size, width, height)
