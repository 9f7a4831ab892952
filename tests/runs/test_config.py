"""Every shipped config is read, and says what was published."""

import re
import subprocess
import sys

import pytest
from dassl.engine import TRAINER_REGISTRY

from runs.arguments import parse_args, setup_config
from tests.conftest import ROOT
from tests.runs.test_config_features import NODES as ON_FEATURES

CONFIGS = sorted((ROOT / "configs" / "trainers").glob("*/*.yaml"))


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_method_file_is_read_and_says_how_to_run_it(file, in_root):
    cfg = setup_config(parse_args(["--config-file", str(file)]))
    side = {"ViT-T/8-v2": 48, "RN50x16": 384}.get(cfg.MODEL.BACKBONE.NAME, 224)
    assert (side, side) == cfg.INPUT.SIZE
    if file.parent.name not in ON_FEATURES:
        of_mmrl = file.parent.name.startswith("MMRL") and file.stem != "vit_t8"
        others = {"CoOp/rn50_val": 200, "TCP/vit_b16_ep100_ctxv1": 500}
        batch = others.get(f"{file.parent.name}/{file.stem}", 250 if of_mmrl else 100)
        assert batch == cfg.DATALOADER.TEST.BATCH_SIZE
    header = [line for line in file.read_text().splitlines() if line.startswith("#")]
    assert re.search(r"(python train.py|bash scripts/)", header[-1])


W = "a photo of a"
TEXT, IMAGE = ["N_CTX_TEXT", "PROMPT_DEPTH_TEXT"], ["N_CTX_VISION", "PROMPT_DEPTH_VISION"]


def deep(n_text, n_image, depth_text, depth_image, **others):
    sizes = zip(TEXT + IMAGE, (n_text, depth_text, n_image, depth_image), strict=True)
    return dict(sizes) | {"CTX_INIT": W, "PREC": "fp16"} | others


def promptsrc(depth, mean, std):
    weights = {"TEXT_LOSS_WEIGHT": 25, "IMAGE_LOSS_WEIGHT": 10, "GPA_MEAN": mean, "GPA_STD": std}
    return deep(4, 4, depth, depth, **weights)


def coop(n, words=""):
    return {
        "N_CTX": n,
        "CTX_INIT": words,
        "PREC": "fp16",
        "CSC": False,
        "CLASS_TOKEN_POSITION": "end",
    }


def mmrl(weight, **others):
    tokens = {"REP_LAYERS": [*range(6, 13)], "REP_DIM": 512, "N_REP_TOKENS": 5}
    return {"ALPHA": 0.7, "REG_WEIGHT": weight, "PREC": "amp"} | tokens | others


def mmrlpp(weight):
    return mmrl(weight, BETA=0.9, PROJ_LORA_DIM=64, RES_LORA_DIM=4)


MMRL = [
    ("vit_b16", 4, 0.001, 10, 1.0),
    ("vit_b16_imagenet", 32, 0.001, 5, 1.0),
    ("vit_b16_few_shot", 32, 0.001, 50, 0.5),
    ("vit_b16_cross_datasets", 32, 0.001, 1, 0.2),
]
MMRLPP = [*MMRL[:2], ("vit_b16_few_shot", 32, 0.002, 100, 1.0), MMRL[3]]
LORA = {"ENCODER": "both", "POSITION": "all", "PARAMS": ["q", "k", "v"], "R": 2, "ALPHA": 1}
LORA |= {"DROPOUT": 0.25, "ITERS_PER_SHOT": 500, "PREC": "amp"}
PUBLISHED = {  # file: batch, learning rate, epochs, keys of the method's node
    "PromptSRC/vit_b16_c2_ep20_batch4_4+4ctx": (4, 0.0025, 20, promptsrc(9, 15, 1)),
    "PromptSRC/vit_b16_c2_ep20_batch4_4+4ctx_cross_datasets": (4, 0.0025, 20, promptsrc(3, 6, 10)),
    "PromptSRC/vit_b16_c2_ep50_batch4_4+4ctx_few_shot": (4, 0.0025, 50, promptsrc(9, 30, 30)),
    "IVLP/vit_b16_c2_ep20_batch4_4+4ctx": (4, 0.0025, 20, deep(4, 4, 9, 9)),
    "IVLP/vit_b16_c2_ep5_batch4_2+2ctx": (4, 0.0035, 5, deep(2, 2, 12, 12)),
    "IVLP/vit_b16_c2_ep5_batch4_4ctx_language_only": (4, 0.0025, 5, deep(4, 0, 12, 0)),
    "MaPLe/vit_b16_c2_ep5_batch4_2ctx": (
        4,
        0.0035,
        5,
        {"N_CTX": 2, "PROMPT_DEPTH": 9, "CTX_INIT": W},
    ),
    "MaPLe/vit_b16_c2_ep5_batch4_2ctx_cross_datasets": (
        4,
        0.0026,
        2,
        {"N_CTX": 2, "PROMPT_DEPTH": 3, "CTX_INIT": W},
    ),
    "VPT/vit_b16_c2_ep5_batch4_4": (4, 0.0025, 5, {"N_CTX_VISION": 8, "PROMPT_DEPTH_VISION": 12}),
    "CoCoOp/vit_b16_c4_ep10_batch1_ctxv1": (
        1,
        0.002,
        10,
        {"N_CTX": 4, "CTX_INIT": W, "PREC": "fp16"},
    ),
    **{
        f"CoCoOp/vit_b16_c{n}_ep10_batch1": (1, 0.002, 10, {"N_CTX": n, "CTX_INIT": ""})
        for n in (4, 8, 16)
    },
    **{
        f"CoOp/{name}": (32, 0.002, 200, coop(16))
        for name in ("rn50", "rn101", "vit_b32", "vit_b16")
    },
    **{
        f"CoOp/{name}_ep50": (32, 0.002, 50, coop(16))
        for name in ("rn50", "rn101", "vit_b32", "vit_b16")
    },
    **{f"CoOp/{name}_ep100": (32, 0.002, 100, coop(16)) for name in ("rn50", "vit_b16")},
    **{f"CoOp/{name}_ctxv1": (32, 0.002, 200, coop(4, W)) for name in ("rn50", "vit_b16")},
    **{f"CoOp/{name}_ep50_ctxv1": (32, 0.002, 50, coop(4, W)) for name in ("rn50", "vit_b16")},
    "CoOp/vit_b16_ep100_ctxv1": (32, 0.002, 100, coop(4, W)),
    "CoOp/rn50_val": (200, 0.0003, 10, {}),
    **{f"MMRL/{name}": (*sizes, mmrl(weight)) for name, *sizes, weight in MMRL},
    "CLIPLoRA/vit_b16": (32, 0.0002, 1, LORA),
    **{f"MMRLpp/{name}": (*sizes, mmrlpp(weight)) for name, *sizes, weight in MMRLPP},
    **{
        f"KgCoOp/{name}": (128, 0.002, 100, coop(4, True) | {"W": 8.0})
        for name in ("vit_b16_ep100_ctxv1", "rn50_ep100")
    },
    "TCP/vit_b16_ep100_ctxv1": (32, 0.002, 50, coop(4, False)),
    **{  # of these, its authors publish those for RN50
        f"ProGrad/{backbone}{name}": (32, 0.002, epochs, coop(16, True))
        for backbone in ("rn50", "vit_b16")
        for name, epochs in (("", 200), ("_ep100", 100), ("_ep50", 50))
    },
    "ExtrasLinearProbeCoOp/vit_b16_ep10_bs4_lr35": (4, 0.0035, 10, coop(16)),
    "ExtrasLinearProbeCoCoOp/vit_b16_c4_ep10_batch1_ctxv1": (1, 0.002, 10, {"CTX_INIT": W}),
    "ExtrasLinearProbeKgCoOp/vit_b16_ep10_ctxv1_bs4_lr35": (
        4,
        0.0035,
        10,
        coop(4, W) | {"W": 2.0},
    ),
    "ExtrasLinearProbeMaPLe/vit_b16_c2_ep10_batch4_2ctx": (
        4,
        0.0035,
        10,
        {"N_CTX": 2, "PROMPT_DEPTH": 9, "CTX_INIT": W},
    ),
    "ExtrasLinearProbeIVLP/vit_b16_c2_ep10_batch4_4+4ctx": (4, 0.0035, 10, deep(4, 4, 9, 9)),
    "ExtrasLinearProbePromptSRC/vit_b16_c2_ep20_batch4_4+4ctx": (
        4,
        0.0025,
        20,
        promptsrc(9, 15, 1),
    ),
}
BACKBONES = {"vit_b16": "ViT-B/16", "vit_b32": "ViT-B/32", "rn50": "RN50", "rn101": "RN101"}


def test_every_published_file_is_here_and_none_besides_those_of_the_bundled_backbone():
    files = [file for file in CONFIGS if file.parent.name not in ON_FEATURES]
    found = {f"{file.parent.name}/{file.stem}" for file in files}
    fixed = "PromptSRC/vit_b16_few_shot_fixed"  # ours
    assert {name for name in found if "/vit_t8" not in name} == {*PUBLISHED, fixed}
    assert len(PUBLISHED) == 53
    assert {name.split("/")[0] for name in found if "/vit_t8" in name} == {
        name.split("/")[0] for name in PUBLISHED
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_settings(in_root, name):
    cfg = setup_config(parse_args(["--config-file", f"configs/trainers/{name}.yaml"]))
    batch, rate, epochs, keys = PUBLISHED[name]
    trainer, stem = name.split("/")
    assert (batch, rate, epochs) == (
        cfg.DATALOADER.TRAIN_X.BATCH_SIZE,
        cfg.OPTIM.LR,
        cfg.OPTIM.MAX_EPOCH,
    )
    decay = 0.01 if trainer == "CLIPLoRA" else 5e-4
    assert (0.9, decay) == (cfg.OPTIM.MOMENTUM, cfg.OPTIM.WEIGHT_DECAY)
    node = cfg.TRAINER[TRAINER_REGISTRY.get(trainer).node]
    assert {key: node[key] for key in keys} == keys
    assert (
        next(b for start, b in BACKBONES.items() if stem.startswith(start))
        == cfg.MODEL.BACKBONE.NAME
    )
    assert cfg.INPUT.TRANSFORMS == ("random_resized_crop", "random_flip", "normalize")
    smallest = 0.5 if trainer.startswith("MMRL") else 0.08
    assert ("bicubic", (smallest, 1.0)) == (cfg.INPUT.INTERPOLATION, cfg.INPUT.RRCROP_SCALE)
    assert cfg.INPUT.PIXEL_MEAN == [0.48145466, 0.4578275, 0.40821073]
    assert cfg.INPUT.PIXEL_STD == [0.26862954, 0.26130258, 0.27577711]
    if trainer == "CLIPLoRA":  # sets its rates itself
        assert cfg.OPTIM.NAME == "adamw"
    elif epochs > 10 or rate != 0.0003:
        names = {"MMRL": "adamw", "MMRLpp": "adamw", "TCP": "adam"}
        optim, name = cfg.OPTIM, names.get(trainer, "sgd")
        assert (name, "cosine", epochs > 1) == (optim.NAME, optim.LR_SCHEDULER, optim.WARMUP_EPOCH)
        if epochs > 1:
            assert (optim.WARMUP_TYPE, optim.WARMUP_CONS_LR) == ("constant", 1e-5)
    assert (1e-3 if trainer == "TCP" else 1e-8) == cfg.OPTIM.EPS


@pytest.mark.parametrize("first", ["import torch", "from dassl.engine import build_trainer"])
def test_who_uses_pytorch_has_all_names_with_the_configuration(first):
    """As with version 0.1, where importing the configuration made them known."""
    code = (
        f"{first}\nfrom runs.config import default_config\ndefault_config()\n"
        "from dassl.data.datasets import DATASET_REGISTRY\n"
        "from dassl.engine import TRAINER_REGISTRY\n"
        "assert {'PromptSRC', 'ZeroshotCLIP2'} <= set(TRAINER_REGISTRY.registered_names())\n"
        "assert {'EuroSAT', 'CSV'} <= set(DATASET_REGISTRY.registered_names())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
