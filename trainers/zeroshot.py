"""Zero-shot CLIP (arXiv 2103.00020, section 3.1): no training, the dataset's own template."""

import copy
import time
from collections.abc import Sequence

from dassl.engine import TRAINER_REGISTRY
from yacs.config import CfgNode

from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.zeroshot import ensemble_features
from promptsrc.model import ZeroShotCLIP
from promptsrc.templates import DATASETS, DEFAULT, GENERIC
from trainers.base import CLIPTrainer


@TRAINER_REGISTRY.register()
class ZeroshotCLIP(CLIPTrainer):
    """One template per dataset, `a photo of a {}.` where none is known."""

    def check_cfg(self, cfg: CfgNode) -> None:
        """
        Raises:
            ValueError: self-regulation is asked for.
        """
        super().check_cfg(cfg)
        if cfg.REGULATION.ENABLED:
            raise ValueError(
                "REGULATION.ENABLED is for methods that learn prompts; "
                f"{type(self).__name__} learns nothing"
            )

    def templates(self) -> list[str]:
        return [DATASETS.get(self.cfg.DATASET.NAME, DEFAULT)]

    def build_model(self) -> None:
        self.model = self.classifier(self.load_frozen_clip("fp32"), self.classnames)

    def classifier(self, frozen: FrozenCLIP, classnames: Sequence[str]) -> ZeroShotCLIP:
        return ZeroShotCLIP(frozen, ensemble_features(frozen.clip, classnames, self.templates()))

    def for_classes(self, classnames: Sequence[str]) -> "ZeroshotCLIP":
        other = copy.copy(self)
        other.model = self.classifier(self.model.frozen, classnames)
        return other

    def train(self) -> None:  # type: ignore[override]  # as Dassl's SimpleTrainer
        """Nothing to train: straight to the test, with the log lines of a training."""
        self.time_start = time.time()
        self.after_train()


@TRAINER_REGISTRY.register()
class ZeroshotCLIP2(ZeroshotCLIP):
    """An ensemble: seven generic templates, and the dataset's own unless it is ImageNet itself."""

    def templates(self) -> list[str]:
        own = [] if self.cfg.DATASET.NAME == "ImageNet" else super().templates()
        return [*GENERIC, *own]
