"""TaskRes: task residual tuning (CVPR 2023, arXiv 2211.10277).

A residual is added to each class weight of the frozen CLIP; both towers stay as they are.
"""

from typing import Any

from dassl.engine import TRAINER_REGISTRY

from promptsrc.adapters import TaskResiduals
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.regulation import diverse_features
from promptsrc.templates import DEFAULT, GENERIC
from trainers.features import FeatureTrainer
from trainers.words import check_left_out

UNUSED = ("ENHANCED_BASE", "N_CTX", "CSC", "CTX_INIT", "CLASS_TOKEN_POSITION")


@TRAINER_REGISTRY.register()
class TaskRes(FeatureTrainer):
    node = "TaskRes"
    registered_as = "prompt_learner"
    learner = TaskResiduals
    prec = "fp32"
    prompts: TaskResiduals
    templates_of_imagenet = (*GENERIC, DEFAULT)

    def prompt_settings(self) -> dict[str, Any]:
        """
        Raises:
            ValueError: a key is set that nothing follows from.
        """
        check_left_out("TaskRes", self.node, self.settings, *UNUSED)
        return {"scale": self.settings.RESIDUAL_SCALE}

    def build_targets(self, frozen: FrozenCLIP) -> None:
        t = diverse_features(frozen.clip, self.classnames, self.templates)
        self.prompts.base_text_features.copy_(t)
