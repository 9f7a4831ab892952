"""Every shipped config is read, every script is run, every command of the README is a command."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import parse_test_res
import train
from tests.conftest import ROOT

CONFIGS = sorted((ROOT / "configs" / "trainers").glob("*/*.yaml"))
SCRIPTS = sorted((ROOT / "scripts").glob("*/*.sh"))
TINY = {
    "PromptSRC": "vit_t8_c2_ep20_batch4_4+4ctx",
    "IVLP": "vit_t8_c2_ep20_batch4_4+4ctx",
    "ZeroshotCLIP": "vit_t8_ctxv1",
}
QUICK = ["OPTIM.MAX_EPOCH", "1", "DATASET.NUM_SHOTS", "1"]


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_method_file_is_read_and_says_how_to_run_it(file, in_root):
    cfg = train.setup_config(train.parse_args(["--config-file", str(file)]))
    assert ((48, 48) if cfg.MODEL.BACKBONE.NAME == "ViT-T/8" else (224, 224)) == cfg.INPUT.SIZE
    assert cfg.DATALOADER.TEST.BATCH_SIZE == 100
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


def bash(checkout, script, *words, cfg):
    environment = os.environ | {"DATA": str(ROOT / "data"), "CFG": cfg, "LOADEP": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    subprocess.run(
        ["bash", f"scripts/{script}", *words], cwd=checkout, check=True, env=environment, capture_output=True
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the code, so that its output folder is its own; ImageNet's config names the embedded dataset."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in (
        "configs",
        "scripts",
        "datasets",
        "trainers",
        "promptsrc",
        "train.py",
        "config.py",
        "base2new.py",
        "parse_test_res.py",
    ):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    shutil.copy(ROOT / "configs/datasets/emoji.yaml", copy / "configs/datasets/imagenet.yaml")
    return copy


def accuracies(checkout):
    found = {}
    for log in (checkout / "output").rglob("log.txt"):
        signals = parse_test_res.TESTED
        found[str(log.parent.relative_to(checkout / "output"))] = parse_test_res.parse_log(log, signals)
    return found


def test_every_script_runs_into_the_folder_of_the_field(checkout):
    ran = set()
    for script, *words in [
        ("promptsrc/base2new_train.sh", "emoji", "1"),
        ("promptsrc/base2new_test.sh", "emoji", "1"),
        ("independent-vlp/base2new_train_ivlp.sh", "emoji", "2"),
        ("independent-vlp/base2new_test_ivlp.sh", "emoji", "2"),
        ("promptsrc/few_shot.sh", "emoji", "1"),
        ("promptsrc/xd_train.sh", "imagenet", "3"),
        ("promptsrc/xd_test.sh", "emoji", "3"),
    ]:
        bash(checkout, script, *words, *QUICK, cfg=TINY["PromptSRC"])
        ran.add(script)
    bash(checkout, "zsclip/zeroshot.sh", "emoji", "vit_t8_ctxv1", cfg="vit_t8_ctxv1")
    ran.add("zsclip/zeroshot.sh")
    assert ran == {str(script.relative_to(ROOT / "scripts")) for script in SCRIPTS}
    cfg = TINY["PromptSRC"]
    results = accuracies(checkout)
    assert set(results) == {
        f"base2new/train_base/emoji/shots_16/PromptSRC/{cfg}/seed1",
        f"base2new/test_new/emoji/shots_16/PromptSRC/{cfg}/seed1",
        f"base2new/train_base/emoji/shots_16/IVLP/{cfg}/seed2",
        f"base2new/test_new/emoji/shots_16/IVLP/{cfg}/seed2",
        *(f"emoji/PromptSRC/{cfg}_1shots/seed{seed}" for seed in (1, 2, 3)),
        f"imagenet/PromptSRC/{cfg}_16shots/seed3",
        f"evaluation/PromptSRC/{cfg}_16shots/emoji/seed3",
        "ZeroshotCLIP/vit_t8_ctxv1/emoji",
    }
    assert all(accuracy > 100 / 16 for accuracy in results.values())


def test_scripts_say_what_they_need():
    environment = {key: value for key, value in os.environ.items() if key != "DATA"}
    done = subprocess.run(["bash", SCRIPTS[0], "emoji", "1"], env=environment, capture_output=True, text=True)
    assert done.returncode != 0 and "set DATA to the folder that holds the datasets" in done.stderr


def test_commands_of_the_readme_exist():
    text = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", text, re.M):
        assert f"\n{target}:" in makefile
    for path in re.findall(r"(?:scripts|configs|docs|tests|data)/[\w/.+-]+[\w]", text):
        assert (ROOT / path).exists() or path.startswith("configs/datasets"), path
    for link in re.findall(r"\]\(((?!http)[^)]+)\)", text):
        assert (ROOT / link).exists(), link
