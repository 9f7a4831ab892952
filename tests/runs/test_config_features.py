"""The method files of methods on cached features say what was published."""

import pytest

from runs.arguments import parse_args, setup_config
from tests.conftest import ROOT

NODES = {
    "CLAP": "ADAPTER",
    "CLIPAdapter": "CLIP_ADAPTER",
    "LinearProbe": "LP_PLUS_PLUS",
    "TaskRes": "TaskRes",
    "TipAdapter": "TIP_ADAPTER",
    "TipAdapterF": "TIP_ADAPTER",
}
TASKRES, BOTTLENECK = {"RESIDUAL_SCALE": 0.5}, {"RATIO": 0.2, "REDUCTION": 4}
CACHE = {"ALPHA": 1.17, "BETA": 1.0, "AUGMENT_EPOCHS": 10, "SEARCH": "none", "PREC": "fp16"}
PROBE = {"ITERATIONS": 300, "ALPHA_EVERY": 10, "ALPHA_SCALE": 250.0}
NO_STEPS = "adam", 0.0003  # Dassl's defaults, unused
COOPS = {"": 200, "_ep100": 100, "_ep50": 50}  # file ending: epochs
PUBLISHED = {  # file: backbone, test batch; batch, optimizer, rate, epochs; keys of the node
    **{
        f"CLIPAdapter/{file}{end}": (name, 100, (32, "sgd", 0.002, epochs), BOTTLENECK)
        for file, name in (("vit_b16", "ViT-B/16"), ("rn50", "RN50"))
        for end, epochs in COOPS.items()
    },
    **{
        f"TaskRes/adam_lr{rate}_B256_ep{n}": ("RN50", 500, (256, "adam", float(rate), n), TASKRES)
        for rate in ("2e-3", "2e-4")
        for n in (100, 200)
    },
    **{
        f"TaskRes/{start}{end}": (name, test, (256, "adam", 2e-4, 200), TASKRES)
        for start, test, backbones in (
            ("adam_lr2e-4_B256_ep200_", 500, ("RN101", "RN50x16", "ViT-B/16", "ViT-B/32")),
            ("generalization_", 1000, ("RN50", "RN101", "ViT-B/16", "ViT-B/32")),
        )
        for name in backbones
        for end in [name.replace("-B/", "") if start[0] == "a" else name.replace("-B/", "").lower()]
    },
    **{
        f"CLAP/{file}": (
            name,
            100,
            (256, "sgd", 0.1, 300),
            {"INIT": "ZS", "CONSTRAINT": constraint},
        )
        for file, name, constraint in (
            ("SGD_lr1e-1_B256_ep300", "RN50", "l2"),
            ("vit_b16", "ViT-B/16", "l2"),
            ("vit_b16_zslp", "ViT-B/16", "none"),
        )
    },
    **{
        f"LinearProbe/{file}": (name, 100, (256, *NO_STEPS, 1), PROBE)
        for file, name in (("vit_b16", "ViT-B/16"), ("rn50", "RN50"))
    },
    **{
        f"Tip{file}{end}": (name, 100, (256, *training), CACHE)
        for start, name in (("vit_b16", "ViT-B/16"), ("rn50", "RN50"))
        for file, end, training in (
            (f"Adapter/{start}", "", (*NO_STEPS, 1)),
            (f"AdapterF/{start}", "", ("adamw", 0.001, 20)),
            (f"AdapterF/{start}", "_ep100", ("adamw", 0.001, 100)),
        )
    },
    **{
        f"TaskRes/vit_b16_ep{n}": ("ViT-B/16", 500, (256, "adam", 2e-3, n), TASKRES)
        for n in (100, 200)
    },
}


def test_every_published_file_is_here():
    folder = ROOT / "configs" / "trainers"
    found = {f"{name}/{file.stem}" for name in NODES for file in (folder / name).glob("*.yaml")}
    assert {name for name in found if "/vit_t8" not in name} == set(PUBLISHED)
    assert {name.split("/")[0] for name in found if "/vit_t8" in name} == set(NODES)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_settings(in_root, name):
    cfg = setup_config(parse_args(["--config-file", f"configs/trainers/{name}.yaml"]))
    backbone, test, training, keys = PUBLISHED[name]
    assert (backbone, test) == (cfg.MODEL.BACKBONE.NAME, cfg.DATALOADER.TEST.BATCH_SIZE)
    size = 384 if backbone == "RN50x16" else 224
    assert (size, size) == cfg.INPUT.SIZE
    optim, batch = cfg.OPTIM, cfg.DATALOADER.TRAIN_X.BATCH_SIZE
    assert (batch, optim.NAME, optim.LR, optim.MAX_EPOCH) == training
    node = cfg.TRAINER[NODES[name.split("/")[0]]]
    assert {key: node[key] for key in keys} == keys
    assert cfg.INPUT.TRANSFORMS == ("random_resized_crop", "random_flip", "normalize")
    own_crops = name.startswith(("Tip", "LinearProbe"))
    smallest = 0.5 if own_crops else 0.08
    assert ("bicubic", (smallest, 1.0)) == (cfg.INPUT.INTERPOLATION, cfg.INPUT.RRCROP_SCALE)
    if name.startswith("TipAdapterF"):
        assert (optim.EPS, optim.WEIGHT_DECAY) == (1e-4, 0.01)
    elif not own_crops:
        schedule = optim.LR_SCHEDULER, optim.WARMUP_EPOCH, optim.WARMUP_CONS_LR
        decay = 0.0 if name.startswith("CLAP") else 5e-4
        assert (*schedule, optim.WEIGHT_DECAY) == ("cosine", 1, 1e-5, decay)
