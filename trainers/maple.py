"""MaPLe: multi-modal prompt learning (arXiv 2210.03117).

Deep text prompts, and a linear map in each layer that makes the image prompts of them.
"""

from typing import Any

from dassl.engine import TRAINER_REGISTRY
from yacs.config import CfgNode

from promptsrc.prompts import CoupledPrompts
from trainers.base import PromptTrainer


def extend_cfg(cfg: CfgNode) -> None:
    cfg.TRAINER.MAPLE = CfgNode()
    cfg.TRAINER.MAPLE.N_CTX = 2  # vectors per layer
    cfg.TRAINER.MAPLE.CTX_INIT = "a photo of a"  # words that the first text vectors start from
    cfg.TRAINER.MAPLE.PREC = "fp16"  # fp32, fp16, amp, bf16
    cfg.TRAINER.MAPLE.PROMPT_DEPTH = 9  # layers with vectors, at least 1


@TRAINER_REGISTRY.register()
class MaPLe(PromptTrainer):
    node = "MAPLE"
    registered_as = "MultiModalPromptLearner"
    learner = CoupledPrompts

    def prompt_settings(self) -> dict[str, Any]:
        settings = self.settings
        return {"n": settings.N_CTX, "depth": settings.PROMPT_DEPTH, "ctx_init": settings.CTX_INIT}
