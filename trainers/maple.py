"""MaPLe: multi-modal prompt learning (arXiv 2210.03117).

Deep text prompts, and a linear map in each layer that makes the image prompts of them.
"""

from typing import Any

from dassl.engine import TRAINER_REGISTRY
from yacs.config import CfgNode

from promptsrc.prompts import CoupledPrompts
from trainers.base import PromptTrainer
from trainers.words import WORDS, check_words_are_used


def extend_cfg(cfg: CfgNode) -> None:
    cfg.TRAINER.MAPLE = CfgNode()
    cfg.TRAINER.MAPLE.N_CTX = 2  # vectors per layer
    cfg.TRAINER.MAPLE.CTX_INIT = WORDS  # that the first text vectors start from
    cfg.TRAINER.MAPLE.PREC = "fp16"  # fp32, fp16, amp, bf16
    cfg.TRAINER.MAPLE.PROMPT_DEPTH = 9  # layers with vectors, at least 1


@TRAINER_REGISTRY.register()
class MaPLe(PromptTrainer):
    node = "MAPLE"
    registered_as = "MultiModalPromptLearner"
    learner = CoupledPrompts

    def prompt_settings(self) -> dict[str, Any]:
        """
        Raises:
            ValueError: CTX_INIT would not be used.
        """
        settings = self.settings
        check_words_are_used("MAPLE", settings.CTX_INIT, "N_CTX", settings.N_CTX)
        return {"n": settings.N_CTX, "depth": settings.PROMPT_DEPTH, "ctx_init": settings.CTX_INIT}
