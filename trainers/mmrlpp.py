"""MMRL++: parameter-efficient, interaction-aware representation learning (arXiv 2505.10088).

MMRL's loss and test, with other tokens (`promptsrc/prompts/mmrlpp.py`).
"""

from typing import Any

from dassl.engine import TRAINER_REGISTRY

from promptsrc.prompts.mmrlpp import ComposedTokens
from trainers.mmrl import MMRL


@TRAINER_REGISTRY.register()
class MMRLpp(MMRL):
    node = "MMRLpp"
    learner = ComposedTokens

    def prompt_settings(self) -> dict[str, Any]:
        settings = self.settings
        ranks = {"rank": settings.RES_LORA_DIM, "proj_rank": settings.PROJ_LORA_DIM}
        return super().prompt_settings() | {"beta": settings.BETA, **ranks}
