"""DePT: decoupled prompt tuning (arXiv 2309.07439), on any method that learns prompts.

A probe beside the similarity takes most of the training signal (`promptsrc/prompts/dept.py`):

    L = (1 - lambda) L_CE + lambda L_probe + the further terms of the base method

It learns at LR * LR_EXP, the prompts at LR, or at LR * BASE_LR_MULT with OPTIM.STAGED_LR. A test
is told whether its classes were trained: by the class names in the checkpoint.
"""

import warnings
from typing import Any

from dassl.engine import TRAINER_REGISTRY
from torch import Tensor

from promptsrc.model import Encoded
from promptsrc.prompts import DecoupledPrompts
from trainers.base import PromptTrainer
from trainers.cocoop import CoCoOp
from trainers.coop import CoOp
from trainers.ivlp import IVLP
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

    def prompt_settings(self) -> dict[str, Any]:
        base, trainer = super().learner, self.cfg.TRAINER
        probe = {
            "weight": trainer.LINEAR_PROBE.WEIGHT,
            "kind": trainer.LINEAR_PROBE.TYPE,
            "film": trainer.FILM.LINEAR_PROBE,
            "fusion": trainer.LINEAR_PROBE.TEST_TIME_FUSION,
        }
        about = {"base": base.__name__, "module": base.__module__, "probe": probe}
        return about | super().prompt_settings()

    def build_model(self) -> None:
        with warnings.catch_warnings():  # `parameter_groups` does what STAGED_LR says
            warnings.filterwarnings("ignore", "OPTIM.STAGED_LR", UserWarning)
            super().build_model()

    def parameter_groups(self) -> list[dict[str, Any]]:
        """
        Raises:
            ValueError: LR_EXP is not above 0.
        """
        optim, prompts, probe = self.cfg.OPTIM, self.prompts.base, self.prompts.probe
        if not optim.LR_EXP > 0:
            raise ValueError(f"OPTIM.LR_EXP is {optim.LR_EXP}; it must be above 0")
        rate = optim.LR * (optim.BASE_LR_MULT if optim.STAGED_LR else 1)
        return [
            {"params": list(prompts.parameters()), "lr": rate},
            {"params": list(probe.parameters()), "lr": optim.LR * optim.LR_EXP},
        ]

    def losses(self, student: Encoded, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        losses, probe = super().losses(student, images, labels), self.prompts.probe
        losses["loss_ce"] = (1 - probe.weight) * losses["loss_ce"]
        losses["loss_probe"] = probe.weight * self.cross_entropy(
            *probe.of_training(student, labels)
        )
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
