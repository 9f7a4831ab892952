"""CLAP: class-adaptive linear probing (CVPR 2024, arXiv 2312.12730).

With CONSTRAINT none it is ZS-LP. Nothing is searched: one setting for all datasets and shots.
"""

from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor
from yacs.config import CfgNode

from promptsrc.adapters import Prototypes
from promptsrc.adapters.prototypes import class_confidences
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.model import Encoded, unit
from promptsrc.regulation import diverse_features
from promptsrc.templates import DEFAULT, GENERIC
from trainers.features import FeatureTrainer, Rows
from trainers.words import check_left_out

PASSES = 20


@TRAINER_REGISTRY.register()
class CLAP(FeatureTrainer):
    """An epoch takes as many rows as there are images, of those of all passes."""

    node = "ADAPTER"
    registered_as = "adapter"
    learner = Prototypes
    prompts: Prototypes
    prec = "fp32"
    templates_of_imagenet = (*GENERIC, DEFAULT)

    def check_cfg(self, cfg: CfgNode) -> None:
        """
        Raises:
            ValueError: another start or constraint than those of the method.
        """
        super().check_cfg(cfg)
        settings = cfg.TRAINER.ADAPTER
        if settings.CONSTRAINT not in ("l2", "none"):
            raise ValueError(
                f"TRAINER.ADAPTER.CONSTRAINT is {settings.CONSTRAINT!r}; choose l2 (CLAP) or none "
                "(ZS-LP)"
            )
        check_left_out("CLAP", self.node, settings, "INIT", "ENHANCED_BASE")

    def prompt_settings(self) -> dict[str, Any]:
        return {}

    def build_targets(self, frozen: FrozenCLIP) -> None:
        t = diverse_features(frozen.clip, self.classnames, self.templates)
        self.prompts.base_text_features.copy_(t)
        if not self.prompts.prototypes.any():  # else they start from MODEL.INIT_WEIGHTS
            self.prompts.prototypes.data.copy_(t)

    def before_train(self) -> None:
        super().before_train()
        if self.start_epoch < self.max_epoch:
            passes = [self.rows_of_pass(number) for number in range(PASSES)]
            features, labels = (torch.cat(parts) for parts in zip(*passes, strict=True))
            self.rows = features, labels
            zero_shot = unit(self.prompts.base_text_features)
            logits = self.model.frozen.logits(unit(features), zero_shot)  # (20 N, C)
            self.multipliers = class_confidences(logits, labels)

    def epoch_rows(self) -> Rows:
        return self.rows

    def losses(self, student: Encoded, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        losses = super().losses(student, images, labels)
        if self.settings.CONSTRAINT == "l2":
            losses["loss_l2"] = self.prompts.distance(self.multipliers)
        return losses
