"""ProGrad: prompt-aligned gradient (ICCV 2023, arXiv 2205.14865).

CoOp, whose step is stripped of what points against the agreement with zero-shot CLIP: two backward
passes, `promptsrc/projection.py` makes one gradient of them. Words start the last vectors only.
"""

from functools import reduce
from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from dassl.metrics import compute_accuracy
from torch import Tensor
from yacs.config import CfgNode

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.zeroshot import template_features
from promptsrc.model import ZeroShotCLIP
from promptsrc.projection import agreement_loss, projected
from promptsrc.prompts import PaddedPrompts
from promptsrc.templates import DEFAULT, PROGRAD
from trainers.coop import CoOp
from trainers.words import words_of


@TRAINER_REGISTRY.register()
class ProGrad(CoOp):
    learner = PaddedPrompts
    a_vector_per_word = False

    def check_cfg(self, cfg: CfgNode) -> None:
        """
        Raises:
            ValueError: another loss is asked for, a factor is out of range, or the step shall be
                compiled.
        """
        super().check_cfg(cfg)
        if cfg.LOSS.NAME != "prograd":
            raise ValueError(f"LOSS.NAME is {cfg.LOSS.NAME!r}; ProGrad takes prograd alone")
        if not 1e-3 <= cfg.LOSS.T <= 1e3:
            raise ValueError(f"LOSS.T is {cfg.LOSS.T}; it must be from 0.001 to 1000")
        if not 0 <= cfg.LOSS.LAMBDA <= 1:
            raise ValueError(f"LOSS.LAMBDA is {cfg.LOSS.LAMBDA}; it must be from 0 to 1")
        if cfg.MODEL.COMPILE:
            raise ValueError(
                "MODEL.COMPILE is True, but ProGrad goes back through its step twice; leave it out"
            )

    @property
    def template(self) -> str:
        return PROGRAD.get(self.cfg.DATASET.NAME, DEFAULT)

    @property
    def words(self) -> str:
        return words_of(self.settings, self.template.removesuffix(" {}."))

    def build_targets(self, frozen: FrozenCLIP) -> None:
        features = template_features(frozen.clip, self.classnames, self.template)
        self.teacher = ZeroShotCLIP(frozen, features)

    def step(self, images: Tensor, labels: Tensor) -> dict[str, Any]:
        student = self.model.encode(images)
        losses = self.losses(student, images, labels)
        xe_loss = reduce(torch.add, losses.values())
        zero_shot = self.teacher.encode(images, student.raw_image).logits  # both have these
        kl_loss = agreement_loss(student.logits, zero_shot, self.cfg.LOSS.T)
        self.backward(kl_loss, retain_graph=True)
        general = {p: p.grad for p in self.prompts.parameters() if p.grad is not None}
        self.backward(xe_loss)
        for p, g_kl in general.items():
            if p.grad is not None:
                p.grad = projected(p.grad, g_kl, self.cfg.LOSS.LAMBDA)
        self.update()
        acc = compute_accuracy(student.logits, labels)[0]
        return {"xe_loss": xe_loss, "kl_loss": kl_loss, "acc": acc}
