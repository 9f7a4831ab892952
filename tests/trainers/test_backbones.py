"""Backbones of other kinds: ResNets, images of their own, class names that they cannot read."""

import json

import pytest
import torch
from dassl.engine import TRAINER_REGISTRY
from safetensors.torch import save_file

from promptsrc.clip.openai import CLIP
from runs.config import default_config
from tests.parity import recorded

NAMES = ["cat", "fire truck"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    model = CLIP(64, 64, (1, 1, 1, 1), 64, None, 77, 49408, 128, 2, 2)
    path = tmp_path_factory.mktemp("weights") / "resnet.pt"
    torch.save(model.state_dict() | {"input_resolution": torch.tensor(64)}, path)
    return path


def trainer(weights, output, name, prec="fp32", names=NAMES, settings=()):
    cfg = default_config()
    cfg.MODEL.BACKBONE.NAME, cfg.INPUT.SIZE, cfg.OUTPUT_DIR = str(weights), (64, 64), str(output)
    cfg.TRAINER.NAME, cfg.OPTIM.NAME, cfg.OPTIM.MAX_EPOCH, cfg.TEST.NO_TEST = name, "sgd", 2, True
    if node := getattr(TRAINER_REGISTRY.get(name), "node", ""):
        cfg.TRAINER[node].PREC = prec
    cfg.merge_from_list(list(settings))
    torch.manual_seed(1)
    batches = [{"img": torch.randn(4, 3, 64, 64), "label": torch.tensor([0, 1, 1, 0])}] * 3
    return recorded(TRAINER_REGISTRY.get(name), names, batches)(cfg)


@pytest.mark.slow
@pytest.mark.parametrize("prec", ["fp32", "bf16", "amp"])
@pytest.mark.parametrize("name", ["CoOp", "CoCoOp", "KgCoOp", "ProGrad", "TCP"])
def test_words_are_learned_for_a_resnet(weights, tmp_path, name, prec):
    run = trainer(weights, tmp_path, name, prec)
    before = [p.clone() for p in run.prompts.parameters()]
    run.train()
    assert len(run.steps) == 6 and all(step["loss"].isfinite() for step in run.steps)
    assert not any(torch.equal(a, b) for a, b in zip(before, run.prompts.parameters(), strict=True))


@pytest.mark.parametrize("name", ["ZeroshotCLIP", "ZeroshotCLIP2"])
def test_zero_shot_on_a_resnet(weights, tmp_path, name):
    assert trainer(weights, tmp_path, name).model_inference(torch.randn(2, 3, 64, 64)).shape == (
        2,
        2,
    )


@pytest.mark.parametrize("name", ["MaPLe", "VPT", "IVLP", "PromptSRC"])
def test_image_prompts_need_a_vit(weights, tmp_path, name):
    with pytest.raises(
        ValueError, match="image prompts need a ViT backbone .*; this one is a ResNet"
    ):
        trainer(weights, tmp_path, name)


@pytest.fixture
def stated_images(weights, tmp_path):
    """The ResNet's weights beside a config that states its images."""
    state = torch.load(weights, weights_only=True)
    del state["input_resolution"]
    save_file(state, tmp_path / "resnet.safetensors")
    images = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "interpolation": "bilinear"}
    text, vision = {"width": 128, "heads": 2}, {"layers": [1, 1, 1, 1], "width": 64}
    model = {"text_cfg": text, "vision_cfg": vision, "quick_gelu": True}
    config = {"model_cfg": model, "preprocess_cfg": images}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    return tmp_path / "resnet.safetensors"


SETTINGS = {
    "INPUT.PIXEL_MEAN": [0.5, 0.5, 0.5],
    "INPUT.PIXEL_STD": [0.25, 0.25, 0.25],
    "INPUT.INTERPOLATION": "bilinear",
}


def flat(settings):
    return [word for pair in settings.items() for word in pair]


@pytest.mark.parametrize("name", ["ZeroshotCLIP", "CoOp"])
def test_images_are_those_that_the_backbone_states(stated_images, tmp_path, name):
    trainer(stated_images, tmp_path, name, settings=flat(SETTINGS))


@pytest.mark.parametrize(
    "key, hint",
    [
        ("INPUT.PIXEL_MEAN", r'INPUT.PIXEL_MEAN "\(0.5, 0.5, 0.5\)"$'),
        ("INPUT.PIXEL_STD", r'INPUT.PIXEL_STD "\(0.25, 0.25, 0.25\)"$'),
        ("INPUT.INTERPOLATION", "INPUT.INTERPOLATION bilinear$"),
    ],
)
def test_other_images_are_refused_with_the_words_to_type(stated_images, tmp_path, key, hint):
    settings = {k: v for k, v in SETTINGS.items() if k != key} | {"OPTIM.LR": 0.1}
    if key == "INPUT.INTERPOLATION":
        settings[key] = "bicubic"
    with pytest.raises(
        ValueError, match=f"prepared in another way, as its config says; set {hint}"
    ):
        trainer(stated_images, tmp_path, "CoOp", settings=flat(settings))


@pytest.mark.parametrize("name", ["ZeroshotCLIP", "CoOp"])
def test_classes_that_the_backbone_cannot_tell_apart_are_named(weights, tmp_path, capsys, name):
    trainer(weights, tmp_path, name, names=["cat", "Cat", "dog"])
    assert "can't tell the classes apart: cat, Cat. They are equal" in capsys.readouterr().out
    trainer(weights, tmp_path, name, names=["cat"])
    assert "Only one class, 'cat': 100 % are right" in capsys.readouterr().out
