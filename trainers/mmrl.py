"""MMRL: multi-modal representation learning (CVPR 2025, arXiv 2503.08497).

L = alpha CE(s f.g) + (1 - alpha) CE(s f_r.g) + lambda (1 - mean cos(f, f0) + 1 - mean cos(g, g0)),
f0 and g0 of the frozen CLIP. A test is told whether its classes were trained: by the class names in
the checkpoint, or by TASK where it has none, as published files. With TASK CD (ImageNet to other
datasets) those of another dataset were not, even where their names are the same (ImageNetV2).
"""

from collections.abc import Callable, Sequence
from typing import Any

from dassl.engine import TRAINER_REGISTRY
from torch import Tensor
from yacs.config import CfgNode

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.zeroshot import template_features
from promptsrc.cosine import cosine_distance
from promptsrc.model import ZeroShotCLIP
from promptsrc.prompts.mmrl import RepresentationCLIP, RepresentationTokens
from promptsrc.templates import DATASETS, DEFAULT
from trainers.base import PromptTrainer


def are_trained(cfg: CfgNode) -> bool:
    """Whether the classes of a test were trained, by the published rule.

    Raises:
        ValueError: TASK is unknown.
    """
    base, imagenet = cfg.DATASET.SUBSAMPLE_CLASSES == "base", cfg.DATASET.NAME == "ImageNet"
    known = {"B2N": base, "FS": True, "CD": imagenet}
    if cfg.TASK not in known:
        raise ValueError(f"TASK is {cfg.TASK!r}; choose one of {', '.join(known)}")
    return known[cfg.TASK]


@TRAINER_REGISTRY.register()
class MMRL(PromptTrainer):
    node = "MMRL"
    registered_as = "MultiModalRepresentationLearner"
    learner: Callable[..., RepresentationTokens] = RepresentationTokens
    prompts: RepresentationTokens
    model: RepresentationCLIP
    test_time_knowledge = "decoupled"

    def check_cfg(self, cfg: CfgNode) -> None:
        """
        Raises:
            ValueError: TASK is unknown.
        """
        super().check_cfg(cfg)
        are_trained(cfg)

    def prompt_settings(self) -> dict[str, Any]:
        settings, template = self.settings, DATASETS.get(self.cfg.DATASET.NAME, DEFAULT)
        tokens = {"n": settings.N_REP_TOKENS, "dim": settings.REP_DIM}
        layers = [*settings.REP_LAYERS]
        return {"template": template, "alpha": settings.ALPHA, "layers": layers, **tokens}

    def build_targets(self, frozen: FrozenCLIP) -> None:
        features = template_features(frozen.clip, self.classnames, self.prompts.template)
        self.zero_shot = ZeroShotCLIP(frozen, features)

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        super().load_model(directory, epoch)
        if directory and (self.trained_on is None or self.cfg.TASK == "CD"):
            self.prompts.are_trained = are_trained(self.cfg)

    def for_classes(self, classnames: Sequence[str]) -> PromptTrainer:
        other = super().for_classes(classnames)
        if self.cfg.TASK == "CD" and not are_trained(self.cfg):  # as in `load_model`
            other.prompts.are_trained = False
        return other

    def losses(self, student: Any, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        alpha, weight = self.settings.ALPHA, self.settings.REG_WEIGHT
        f0, g0 = self.zero_shot.encode(images).image, self.zero_shot.text
        losses = super().losses(student, images, labels)
        losses["loss_ce"] = alpha * self.cross_entropy(student.class_logits, labels)
        losses["loss_ce_rep"] = (1 - alpha) * self.cross_entropy(student.rep_logits, labels)
        losses["loss_reg_image"] = weight * cosine_distance(student.image, f0)
        losses["loss_reg_text"] = weight * cosine_distance(student.text, g0)
        return losses

    @property
    def tested_by(self) -> str:
        if self.prompts.are_trained:
            return "class and representation features, as for trained classes"
        return "class features, as for new classes"
