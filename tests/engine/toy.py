"""A toy trainer on toy data: two models, random augmentation, random state of its own."""

import multiprocessing
import os
import signal
import sys

import torch
from dassl.config import get_cfg_default
from dassl.data.datasets import DATASET_REGISTRY, DatasetBase, Datum
from dassl.engine import TRAINER_REGISTRY, TrainerX, build_trainer
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import Logger, set_random_seed
from dassl.utils.signals import Stopped
from PIL import Image
from torch import nn

COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}


def write_images(root, a_class=6):
    for name, colour in COLOURS.items():
        for i in range(a_class):
            Image.new("RGB", (20, 16), tuple(c + i for c in colour)).save(root / f"{name}{i}.png")


@DATASET_REGISTRY.register()
class Toy(DatasetBase):
    def __init__(self, cfg):
        items = [
            Datum(f"{cfg.DATASET.ROOT}/{name}{i}.png", label, 0, name)
            for label, name in enumerate(COLOURS)
            for i in range(6)
        ]
        super().__init__(train_x=items, val=items[::2], test=items)


@TRAINER_REGISTRY.register()
class ToyTrainer(TrainerX):
    """`extra` is state of its own, which changes at random each step."""

    ends_at, ends_by = None, None  # (epoch, batch), signal

    def build_model(self):
        torch.manual_seed(0)
        self.body, self.head = nn.Linear(3, 4), nn.Linear(4, 3)
        self.extra = torch.zeros(1)
        for name, model in (("body", self.body), ("head", self.head)):
            optim = build_optimizer(model, self.cfg.OPTIM)
            self.register_model(name, model, optim, build_lr_scheduler(optim, self.cfg.OPTIM))

    def training_state(self):
        return {"extra": self.extra}

    def load_training_state(self, state):
        self.extra = state["extra"]

    def model_inference(self, image):
        return self.head(torch.tanh(self.body(image.mean((2, 3)))))

    def forward_backward(self, batch):
        if self.ends_at == (self.epoch, self.batch_idx):
            os.kill(os.getpid(), self.ends_by)
        image, label, _ = self.parse_batch_train(batch)
        loss = nn.functional.cross_entropy(self.model_inference(image), label)
        return self.update(loss)

    def update(self, loss):
        self.model_backward_and_update(loss)
        self.extra = 0.5 * self.extra + torch.rand(1)
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
        return {"loss": loss.item()}


def config(root, output, **optim):
    cfg = get_cfg_default()
    cfg.DATASET.NAME, cfg.DATASET.ROOT, cfg.OUTPUT_DIR, cfg.TRAINER.NAME = (
        "Toy",
        str(root),
        str(output),
        "ToyTrainer",
    )
    cfg.INPUT.SIZE, cfg.INPUT.TRANSFORMS = (
        (8, 8),
        ["random_resized_crop", "random_flip", "normalize"],
    )
    (
        cfg.DATALOADER.NUM_WORKERS,
        cfg.DATALOADER.TRAIN_X.BATCH_SIZE,
        cfg.DATALOADER.TEST.BATCH_SIZE,
    ) = 0, 4, 10
    cfg.OPTIM.NAME, cfg.OPTIM.LR, cfg.OPTIM.LR_SCHEDULER, cfg.OPTIM.MAX_EPOCH = (
        "sgd",
        0.1,
        "cosine",
        5,
    )
    cfg.OPTIM.WARMUP_EPOCH, cfg.OPTIM.WARMUP_TYPE, cfg.TRAIN.CHECKPOINT_FREQ = 1, "constant", 1
    for key, value in optim.items():
        cfg.OPTIM[key] = value
    return cfg


def trained(root, output, workers=0, minutes=10.0, **optim):
    cfg = config(root, output, **optim)
    cfg.DATALOADER.NUM_WORKERS, cfg.TRAIN.CHECKPOINT_MINUTES = workers, minutes
    set_random_seed(3)
    trainer = build_trainer(cfg)
    trainer.train()
    return trainer


def _ended_run(root, output, at, number, workers, minutes):
    ToyTrainer.ends_at, ToyTrainer.ends_by = at, number
    sys.stdout = Logger(str(output / "log.txt"))
    try:
        trained(root, output, workers, minutes)
    except Stopped as stopped:
        sys.exit(str(stopped))


def ended(root, output, at, number=signal.SIGKILL, workers=0, minutes=10.0):
    """A run that a signal ends at (epoch, batch); its exit code."""
    output.mkdir()
    args = (root, output, at, number, workers, minutes)
    process = multiprocessing.get_context("spawn").Process(target=_ended_run, args=args)
    process.start()
    process.join()
    return process.exitcode


def state(trainer):
    return [*trainer.body.parameters(), *trainer.head.parameters(), trainer.extra]


def assert_same(whole, again):
    assert all(torch.equal(a, b) for a, b in zip(state(whole), state(again), strict=True))


def checkpoint(value):
    """The content of a checkpoint whose weights have this value."""
    weights = {"module.w": torch.full((2,), value)}
    return {
        "state_dict": weights,
        "epoch": 1,
        "optimizer": None,
        "scheduler": None,
        "val_result": None,
    }
