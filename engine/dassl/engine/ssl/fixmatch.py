"""FixMatch (Sohn et al., NeurIPS 2020, arXiv 2001.07685).

The model labels weakly augmented images; where it is sure, it learns these labels on strongly
augmented versions of the same images:

    CE(labelled, y) + WEIGHT_U mean([max p >= CONF_THRE] CE(strong, argmax p)),  p = softmax(weak)

The mean runs over labelled and unlabelled images, as in Dassl.pytorch.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from yacs.config import CfgNode

from dassl.data import DataManager
from dassl.data.transforms import build_transform
from dassl.engine.build import TRAINER_REGISTRY
from dassl.engine.trainer import TrainerXU
from dassl.metrics import compute_accuracy


@TRAINER_REGISTRY.register()
class FixMatch(TrainerXU):
    """INPUT.TRANSFORMS are weak, TRAINER.FIXMATCH.STRONG_TRANSFORMS strong augmentations.

    Raises:
        ValueError: there are no strong ones.
    """

    def __init__(self, cfg: CfgNode):
        super().__init__(cfg)
        self.weight_u = cfg.TRAINER.FIXMATCH.WEIGHT_U
        self.conf_thre = cfg.TRAINER.FIXMATCH.CONF_THRE

    def check_cfg(self, cfg: CfgNode) -> None:
        if not cfg.TRAINER.FIXMATCH.STRONG_TRANSFORMS:
            raise ValueError(
                "TRAINER.FIXMATCH.STRONG_TRANSFORMS is empty; give it transforms such as "
                '("random_flip", "randaugment_fixmatch", "normalize", "cutout")'
            )

    def build_data_loader(self) -> None:
        weak = build_transform(self.cfg, is_train=True)
        choices = self.cfg.TRAINER.FIXMATCH.STRONG_TRANSFORMS
        strong = build_transform(self.cfg, is_train=True, choices=choices)
        self.use_data(DataManager(self.cfg, custom_tfm_train=[weak, strong]))

    def forward_backward(  # type: ignore[override]
        self, batch_x: dict[str, Any], batch_u: dict[str, Any]
    ) -> dict[str, Tensor]:
        weak_x, strong_x, labels, weak_u, strong_u, labels_u = self.parse_batch_train(
            batch_x, batch_u
        )
        with torch.no_grad():
            probs = self.model(torch.cat([weak_x, weak_u])).softmax(1)  # (B, C)
            confidence, pseudo = probs.max(1)
            sure = (confidence >= self.conf_thre).float()
        logits_x = self.model(weak_x)
        loss_x = F.cross_entropy(logits_x, labels)
        logits = self.model(torch.cat([strong_x, strong_u]))
        loss_u = (F.cross_entropy(logits, pseudo, reduction="none") * sure).mean()
        self.model_backward_and_update(loss_x + self.weight_u * loss_u)
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
        n = len(weak_x)
        quality = self.assess_y_pred_quality(pseudo[n:], labels_u, sure[n:])
        return {
            "loss_x": loss_x.detach(),
            "acc_x": compute_accuracy(logits_x, labels)[0].detach(),
            "loss_u": loss_u.detach(),
            "y_u_pred_acc_raw": quality["acc_raw"],
            "y_u_pred_acc_thre": quality["acc_thre"],
            "y_u_pred_keep": quality["keep_rate"],
        }

    def assess_y_pred_quality(
        self, y_pred: Tensor, y_true: Tensor, mask: Tensor
    ) -> dict[str, Tensor]:
        """Of pseudo-labels: accuracy, accuracy where the model is sure, share where it is."""
        right, sure = (y_pred == y_true).float(), mask.float()
        return {
            "acc_raw": right.mean(),
            "acc_thre": (right * sure).sum() / (sure.sum() + 1e-5),
            "keep_rate": sure.mean(),
        }

    def parse_batch_train(  # type: ignore[override]
        self, batch_x: dict[str, Any], batch_u: dict[str, Any]
    ) -> tuple[Tensor, ...]:
        """Weak, strong, labels; the same of the unlabelled batch (labels only to be logged)."""
        keys = ("img", "img2", "label")
        return tuple(batch[key].to(self.device) for batch in (batch_x, batch_u) for key in keys)
