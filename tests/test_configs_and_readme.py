"""Every shipped config is read, every command of the README is a command."""

import re

import pytest

import train
from tests.conftest import ROOT

CONFIGS = sorted((ROOT / "configs" / "trainers").glob("*/*.yaml"))


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_method_file_is_read_and_says_how_to_run_it(file, in_root):
    cfg = train.setup_config(train.parse_args(["--config-file", str(file)]))
    assert ((48, 48) if cfg.MODEL.BACKBONE.NAME == "ViT-T/8" else (224, 224)) == cfg.INPUT.SIZE
    assert (200 if file.stem == "rn50_val" else 100) == cfg.DATALOADER.TEST.BATCH_SIZE
    header = [line for line in file.read_text().splitlines() if line.startswith("#")]
    assert re.search(r"(python train.py|bash scripts/)", header[-1])


def test_the_published_settings(in_root):
    def settings(name):
        return train.setup_config(train.parse_args(["--config-file", f"configs/trainers/PromptSRC/{name}.yaml"]))

    cfg = settings("vit_b16_c2_ep20_batch4_4+4ctx")
    assert (cfg.OPTIM.LR, cfg.OPTIM.MAX_EPOCH, cfg.OPTIM.MOMENTUM, cfg.OPTIM.WEIGHT_DECAY) == (0.0025, 20, 0.9, 5e-4)
    node = cfg.TRAINER.PROMPTSRC
    assert (node.TEXT_LOSS_WEIGHT, node.IMAGE_LOSS_WEIGHT, node.GPA_MEAN, node.GPA_STD) == (25, 10, 15, 1)
    node = settings("vit_b16_c2_ep20_batch4_4+4ctx_cross_datasets").TRAINER.PROMPTSRC
    assert (node.PROMPT_DEPTH_TEXT, node.PROMPT_DEPTH_VISION, node.GPA_MEAN, node.GPA_STD) == (3, 3, 6, 10)
    cfg = settings("vit_b16_c2_ep50_batch4_4+4ctx_few_shot")
    assert (cfg.OPTIM.MAX_EPOCH, cfg.TRAINER.PROMPTSRC.GPA_MEAN, cfg.TRAINER.PROMPTSRC.GPA_STD) == (50, 30, 30)


def test_commands_of_the_readme_exist():
    text = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", text, re.M):
        assert f"\n{target}:" in makefile
    for path in re.findall(r"(?:scripts|configs|docs|tests|data)/[\w/.+-]+[\w]", text):
        assert (ROOT / path).exists() or path.startswith("configs/datasets"), path
    for link in re.findall(r"\]\(((?!http)[^)]+)\)", text):
        assert (ROOT / link).exists(), link
