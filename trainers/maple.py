"""MaPLe: multi-modal prompt learning (arXiv 2210.03117).

Deep text prompts, and a linear map in each layer that makes the image prompts of them.
"""

from typing import Any

from dassl.engine import TRAINER_REGISTRY

from promptsrc.prompts import CoupledPrompts
from trainers.base import PromptTrainer
from trainers.words import check_words_are_used


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
