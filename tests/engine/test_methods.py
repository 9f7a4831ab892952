"""Vanilla and FixMatch: their losses are those of Dassl.pytorch 0.6.3 for the same seed."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from dassl.config import get_cfg_default
from dassl.data.datasets import DATASET_REGISTRY, DatasetBase, Datum
from dassl.engine import FixMatch, build_trainer
from dassl.modeling import BACKBONE_REGISTRY, Backbone
from dassl.utils import set_random_seed
from PIL import Image
from torch import nn

STRONG = ("random_flip", "random_translation", "normalize", "cutout")
# Keys and values of each step on Dassl.pytorch 0.6.3 (PyTorch 2.5.1)
OBSERVED = {
    "Vanilla": (
        ["loss", "acc"],
        [
            [1.09999, 25.0],
            [1.03765, 50.0],
            [1.49594, 0.0],
            [1.39848, 0.0],
            [1.08975, 25.0],
            [1.09845, 25.0],
        ],
    ),
    "FixMatch": (
        ["loss_x", "acc_x", "loss_u", "y_u_pred_acc_raw", "y_u_pred_acc_thre", "y_u_pred_keep"],
        [
            [1.28159, 25.0, 0.33011, 0.0, 0.0, 0.5],
            [1.22254, 25.0, 0.41605, 0.5, 0.6, 0.83333],
            [1.50079, 0.0, 0.43043, 0.33333, 0.25, 0.66667],
            [0.98935, 50.0, 0.50636, 0.66667, 0.75, 0.66667],
            [1.18031, 50.0, 0.42569, 0.16667, 0.33333, 0.5],
            [1.19093, 50.0, 0.58581, 0.33333, 0.33333, 1.0],
        ],
    ),
}


@BACKBONE_REGISTRY.register()
class TwoLayers(Backbone):
    def __init__(self, **_):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU())
        self._out_features = 8

    def forward(self, x):
        return self.layers(x).mean((2, 3))


@DATASET_REGISTRY.register()
class HalfLabelled(DatasetBase):
    def __init__(self, cfg):
        items = [
            Datum(f"{cfg.DATASET.ROOT}/{label}{i}.png", label, i % 2, "abc"[label])
            for label in range(3)
            for i in range(8)
        ]
        super().__init__(train_x=items[::2], train_u=items[1::2], test=items[::3])


@pytest.fixture
def cfg(tmp_path):
    draw = np.random.default_rng(0)
    for label in range(3):
        for i in range(8):
            pixels = draw.integers(0, 200, 3) + draw.integers(0, 55, (18, 20, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{label}{i}.png")
    cfg = get_cfg_default()
    cfg.DATASET.NAME, cfg.DATASET.ROOT = "HalfLabelled", str(tmp_path)
    cfg.OUTPUT_DIR, cfg.USE_CUDA = str(tmp_path / "out"), False
    cfg.INPUT.SIZE = (16, 16)
    cfg.INPUT.TRANSFORMS = ("random_flip", "random_translation", "normalize")
    cfg.INPUT.CUTOUT_LEN = 6
    cfg.MODEL.BACKBONE.NAME = "TwoLayers"
    data = cfg.DATALOADER
    data.NUM_WORKERS, data.TRAIN_X.BATCH_SIZE, data.TRAIN_U.BATCH_SIZE = 0, 4, 6
    data.TRAIN_U.SAME_AS_X = False
    cfg.OPTIM.NAME, cfg.OPTIM.LR, cfg.OPTIM.MAX_EPOCH = "sgd", 0.1, 2
    cfg.TRAINER.FIXMATCH.CONF_THRE, cfg.TRAINER.FIXMATCH.STRONG_TRANSFORMS = 0.45, STRONG
    return cfg


def trained(cfg, name):
    """What each step of two epochs returns."""
    cfg.TRAINER.NAME = name
    set_random_seed(1)
    trainer, steps = build_trainer(cfg), []
    step = trainer.forward_backward

    def noted(*batches):
        steps.append(step(*batches))
        return steps[-1]

    trainer.forward_backward = noted
    trainer.train()
    return [{key: float(value) for key, value in losses.items()} for losses in steps]


@pytest.mark.parametrize("name", OBSERVED)
def test_losses_are_those_of_dassl_pytorch(name, cfg, capsys):
    steps = trained(cfg, name)
    keys, observed = OBSERVED[name]
    assert list(steps[0]) == keys
    np.testing.assert_allclose([list(losses.values()) for losses in steps], observed, atol=1e-4)
    assert "lr 1.0000e-02" in capsys.readouterr().out  # the rate is lowered after an epoch


def test_fixmatch_is_its_formula(cfg):
    cfg.TRAINER.NAME, cfg.TRAINER.FIXMATCH.WEIGHT_U = "FixMatch", 0.7
    trainer = build_trainer(cfg)
    trainer.set_model_mode("train")
    trainer.batch_idx, trainer.num_batches = 0, 2
    x, u = next(iter(trainer.train_loader_x)), next(iter(trainer.train_loader_u))
    weak, strong = (torch.cat([x[key], u[key]]) for key in ("img", "img2"))
    model, before = trainer.model, [p.detach().clone() for p in trainer.model.parameters()]
    confidence, pseudo = model(weak).softmax(1).max(1)
    assert 0 < (confidence >= 0.45).sum() < 10
    loss_x = F.cross_entropy(model(x["img"]), x["label"])
    each = F.cross_entropy(model(strong), pseudo, reduction="none")
    loss_u = each[confidence >= 0.45].sum() / 10
    gradients = torch.autograd.grad(loss_x + 0.7 * loss_u, list(model.parameters()))
    losses = trainer.forward_backward(x, u)
    torch.testing.assert_close(losses["loss_x"], loss_x.detach())
    torch.testing.assert_close(losses["loss_u"], loss_u.detach())
    for old, new, gradient in zip(before, model.parameters(), gradients, strict=True):
        torch.testing.assert_close(new.data, old - 0.1 * (gradient + 5e-4 * old))


def test_quality_of_pseudo_labels():
    predicted, true = torch.tensor([1, 2, 0]), torch.tensor([1, 0, 0])
    quality = FixMatch.assess_y_pred_quality(None, predicted, true, torch.tensor([1, 1, 0]))
    assert quality == pytest.approx({"acc_raw": 2 / 3, "acc_thre": 0.5, "keep_rate": 2 / 3}, 1e-4)
    none = FixMatch.assess_y_pred_quality(None, predicted, true, torch.zeros(3))
    assert none["acc_thre"] == 0 and none["keep_rate"] == 0


def test_fixmatch_needs_strong_transforms(cfg):
    cfg.TRAINER.NAME, cfg.TRAINER.FIXMATCH.STRONG_TRANSFORMS = "FixMatch", ()
    with pytest.raises(ValueError, match="TRAINER.FIXMATCH.STRONG_TRANSFORMS is empty"):
        build_trainer(cfg)
