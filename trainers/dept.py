"""DePT: decoupled prompt tuning (arXiv 2309.07439), on any method that learns prompts.

A probe beside the similarity takes most of the training signal (`promptsrc/prompts/dept.py`):

    L = (1 - lambda) L_CE + lambda L_probe + the further terms of the base method

It learns at LR * LR_EXP, the prompts at LR. With OPTIM.STAGED_LR, NEW_LAYERS says what learns at
the first rate, and the rest learns at LR * BASE_LR_MULT. A test is told whether its classes were
trained: by the class names in the checkpoint.
"""

import warnings
from typing import Any

import torch.nn.functional as F
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor, nn
from yacs.config import CfgNode

from promptsrc.model import Encoded
from promptsrc.prompts import DecoupledPrompts
from trainers.base import PromptTrainer
from trainers.cocoop import CoCoOp
from trainers.coop import CoOp
from trainers.ivlp import IVLP
from trainers.keys import DEPT_LAYERS, DEPT_TRAINED
from trainers.kgcoop import KgCoOp
from trainers.maple import MaPLe
from trainers.promptsrc import PromptSRC


class Decoupled(PromptTrainer):
    """Stands in front of the base method."""

    learner: Any = DecoupledPrompts
    prompts: DecoupledPrompts
    test_time_knowledge = "decoupled"

    @property
    def tested_by(self) -> str:  # type: ignore[override]  # other methods have one answer
        if not self.prompts.probe.known:
            return "similarity"
        return "similarity and probe" if self.prompts.probe.fusion else "probe"

    def check_cfg(self, cfg: CfgNode) -> None:
        """
        Raises:
            ValueError: some of the parameters shall not be trained, or LR_EXP is not above 0.
        """
        super().check_cfg(cfg)
        if not cfg.OPTIM.LR_EXP > 0:
            raise ValueError(f"OPTIM.LR_EXP is {cfg.OPTIM.LR_EXP}; it must be above 0")
        if set(cfg.TRAINER.NAMES_TO_UPDATE) != set(DEPT_TRAINED):
            raise ValueError(
                f"TRAINER.NAMES_TO_UPDATE is {cfg.TRAINER.NAMES_TO_UPDATE}, but DePT trains "
                f"{', '.join(DEPT_TRAINED)}; leave it out"
            )

    def prompt_settings(self) -> dict[str, Any]:
        base, probe = super().learner, self.cfg.TRAINER.LINEAR_PROBE
        own = {"module": base.__module__} if base.__module__.startswith("trainers.") else {}
        return {
            "base": base.__name__,
            **own,
            "weight": probe.WEIGHT,
            "kind": probe.TYPE,
            "film": self.cfg.TRAINER.FILM.LINEAR_PROBE,
            "fusion": probe.TEST_TIME_FUSION,
            **super().prompt_settings(),
        }

    def build_model(self) -> None:
        with warnings.catch_warnings():  # `parameter_groups` does what STAGED_LR says
            warnings.filterwarnings("ignore", "OPTIM.STAGED_LR", UserWarning)
            super().build_model()

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Prompts, then what belongs to a part of the model named after one of the new layers."""
        optim = self.cfg.OPTIM
        layers, rate = DEPT_LAYERS, optim.LR
        if optim.STAGED_LR:
            layers, rate = optim.NEW_LAYERS, optim.LR * optim.BASE_LR_MULT
        groups: tuple[list[nn.Parameter], list[nn.Parameter]] = [], []
        for name, parameter in self.prompts.named_parameters():
            part = name.split(".")[0]
            groups[any(layer in part for layer in layers)].append(parameter)
        rates = rate, optim.LR * optim.LR_EXP
        return [{"params": p, "lr": lr} for p, lr in zip(groups, rates, strict=True)]

    def before_train(self) -> None:
        """
        Raises:
            ValueError: the prompts start from those of other classes.
        """
        if not self.prompts.probe.known:
            raise ValueError(
                f"MODEL.INIT_WEIGHTS {self.cfg.MODEL.INIT_WEIGHTS} has no probe of these classes; "
                "start from prompts that were trained on them"
            )
        super().before_train()

    def losses(self, student: Encoded, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        losses = super().losses(student, images, labels)
        probe = self.prompts.probe
        losses["loss_ce"] = (1 - probe.weight) * losses["loss_ce"]
        losses["loss_probe"] = probe.weight * F.cross_entropy(*probe.of_training(student, labels))
        return losses

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        """Without the probe for new classes, also from published files, which do not say theirs."""
        if directory and self.cfg.DATASET.SUBSAMPLE_CLASSES == "new":
            self.prompts.leave_probe_out()
        super().load_model(directory, epoch)


@TRAINER_REGISTRY.register()
class ExtrasLinearProbeCoOp(Decoupled, CoOp):
    registered_as = "PromptLearner"


@TRAINER_REGISTRY.register()
class ExtrasLinearProbeCoCoOp(Decoupled, CoCoOp):
    registered_as = "PromptLearner"


@TRAINER_REGISTRY.register()
class ExtrasLinearProbeKgCoOp(Decoupled, KgCoOp):
    registered_as = "PromptLearner"


@TRAINER_REGISTRY.register()
class ExtrasLinearProbeMaPLe(Decoupled, MaPLe):
    pass


@TRAINER_REGISTRY.register()
class ExtrasLinearProbeIVLP(Decoupled, IVLP):
    pass


@TRAINER_REGISTRY.register()
class ExtrasLinearProbePromptSRC(Decoupled, PromptSRC):
    pass
