"""Methods that train on image features of the frozen tower, which are computed once and kept.

An augmentation pass is every training image once, under random crops and flips: features (N, D) in
the order of the files. What a pass draws follows from its number and one seed of the run, so a
resumed run computes equal features. No step of an epoch runs the tower.

A method overrides, besides what trainers/base.py lists,

    templates_of_imagenet    of its class texts
    epoch_rows               the features that an epoch trains on; here those of one pass
    batches                  how many batches of them
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from yacs.config import CfgNode

from promptsrc.adapters import AdaptedCLIP
from promptsrc.model import Encoded
from promptsrc.templates import DATASETS, DEFAULT
from trainers.base import PromptTrainer

SEEDS = 2**31  # to draw the seed of the passes from
MOST_PASSES = 10_000  # each is computed with the tower
Rows = tuple[Tensor, Tensor]  # features (M, D) and labels (M,)


class FeatureTrainer(PromptTrainer):
    """Trains each epoch on one of AUGMENT_EPOCHS passes, in turn."""

    model: AdaptedCLIP
    templates_of_imagenet: Sequence[str] = (DEFAULT,)
    takes_epochs = True  # False: all is done in one

    def check_cfg(self, cfg: CfgNode) -> None:
        """
        Raises:
            ValueError: no passes or too many, another precision than the method's, epochs that it
                does not have, or something that needs the towers in each step.
        """
        super().check_cfg(cfg)
        settings = cfg.TRAINER[self.node]
        if not 1 <= (passes := settings.get("AUGMENT_EPOCHS", 1)) <= MOST_PASSES:
            raise ValueError(
                f"TRAINER.{self.node}.AUGMENT_EPOCHS is {passes}; give 1 to {MOST_PASSES}"
            )
        if type(self).prec == "fp32" and settings.PREC not in ("fp16", "fp32"):
            raise ValueError(
                f"TRAINER.{self.node}.PREC is {settings.PREC!r}, but {cfg.TRAINER.NAME} computes "
                "in fp32; leave it out"
            )
        if not self.takes_epochs and cfg.OPTIM.MAX_EPOCH != 1:
            raise ValueError(
                f"OPTIM.MAX_EPOCH is {cfg.OPTIM.MAX_EPOCH}, but {cfg.TRAINER.NAME} does all in one "
                "epoch; set it to 1"
            )
        sampler = cfg.DATALOADER.TRAIN_X.SAMPLER
        for key, is_set in (
            ("REGULATION.ENABLED is True", cfg.REGULATION.ENABLED),
            ("MODEL.COMPILE is True", cfg.MODEL.COMPILE),
            (f"DATALOADER.TRAIN_X.SAMPLER is {sampler!r}", sampler != "RandomSampler"),
        ):
            if is_set:
                raise ValueError(
                    f"{key}, but {cfg.TRAINER.NAME} trains on cached features in random order and "
                    "runs no tower in a step; leave it out"
                )

    @property
    def templates(self) -> Sequence[str]:
        """Of the class texts: one for a dataset, the method's own for ImageNet."""
        name = self.cfg.DATASET.NAME
        return self.templates_of_imagenet if name == "ImageNet" else [DATASETS.get(name, DEFAULT)]

    def build_model(self) -> None:
        super().build_model()
        self.pass_seed = int(torch.randint(SEEDS, ()))
        self.passes: dict[int, Rows] = {}
        self.images = self.train_loader_x

    def before_train(self) -> None:
        super().before_train()
        self.train_loader_x = EpochOfRows(self)

    @property
    def batches(self) -> int:
        """Of an epoch: as many as there are of images."""
        return len(self.images)

    def rows_of_pass(self, number: int) -> Rows:
        """Features, not normalised, and labels of all training images; kept."""
        if number not in self.passes:
            with drawing_from(self.pass_seed + number):
                found = [self._rows(batch) for batch in self.images_of_pass(number)]
            features, labels = (torch.cat(parts) for parts in zip(*found, strict=True))
            self.passes[number] = features, labels
        return self.passes[number]

    def _rows(self, batch: dict[str, Any]) -> Rows:
        images, labels = self.parse_batch_train(batch)
        return self.model.raw_features(images), labels

    def images_of_pass(self, number: int) -> Iterable[dict[str, Any]]:
        """Batches of every training image once, in the order of the files, augmented."""
        loader = self.images
        return type(loader)(
            loader.dataset,
            loader.batch_size,
            num_workers=loader.num_workers,
            pin_memory=loader.pin_memory,
            worker_init_fn=loader.worker_init_fn,
        )

    def epoch_rows(self) -> Rows:
        return self.rows_of_pass(self.epoch % self.settings.AUGMENT_EPOCHS)

    def epoch_order(self, rows: int) -> Tensor:
        """A permutation, the same when a stopped epoch is resumed."""
        return torch.randperm(rows)

    def encode(self, images: Tensor) -> Encoded:
        """Of cached features (B, D), which stand for the images of a step."""
        return self.model.encode_features(images)

    def training_state(self) -> dict[str, Any]:
        return super().training_state() | {"pass_seed": self.pass_seed}

    def load_training_state(self, state: dict[str, Any]) -> None:
        """
        Raises:
            ValueError: an entry is of another kind.
        """
        super().load_training_state(state)
        seed = state.get("pass_seed")
        if type(seed) is not int or not 0 <= seed < SEEDS:
            raise ValueError(f"its pass_seed is {seed!r}, not a whole number from 0 below {SEEDS}")
        self.pass_seed = seed


class EpochOfRows:
    """The batches of an epoch, in the place of a loader of images; drawn anew for each epoch."""

    def __init__(self, trainer: FeatureTrainer):
        self.trainer = trainer

    def __len__(self) -> int:
        return self.trainer.batches

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        features, labels = self.trainer.epoch_rows()
        order = self.trainer.epoch_order(len(labels))
        size = self.trainer.cfg.DATALOADER.TRAIN_X.BATCH_SIZE
        for rows in order.to(labels.device).split(size)[: len(self)]:
            yield {"img": features[rows], "label": labels[rows]}


@contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """In the block, random numbers follow from the seed; afterwards they go on as before it.

    GPU generators are left alone: augmentation runs on the CPU.
    """
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
