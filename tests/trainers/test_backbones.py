"""Methods on a ResNet: CoOp and CoCoOp run; those that need image tokens say so."""

import pytest
import torch
from dassl.engine import TRAINER_REGISTRY

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


def trainer(weights, output, name, prec="fp32"):
    cfg = default_config()
    cfg.MODEL.BACKBONE.NAME, cfg.INPUT.SIZE, cfg.OUTPUT_DIR = str(weights), (64, 64), str(output)
    cfg.TRAINER.NAME, cfg.OPTIM.NAME, cfg.OPTIM.MAX_EPOCH, cfg.TEST.NO_TEST = name, "sgd", 2, True
    if name.upper() in cfg.TRAINER:
        cfg.TRAINER[name.upper()].PREC = prec
    torch.manual_seed(1)
    batches = [{"img": torch.randn(4, 3, 64, 64), "label": torch.tensor([0, 1, 1, 0])}] * 3
    return recorded(TRAINER_REGISTRY.get(name), NAMES, batches)(cfg)


@pytest.mark.slow
@pytest.mark.parametrize("prec", ["fp32", "bf16", "amp"])
@pytest.mark.parametrize("name", ["CoOp", "CoCoOp"])
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
