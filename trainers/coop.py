"""CoOp: context optimization (arXiv 2109.01134).

Learns the context around the class names, at the input of the text tower; the image tower stays
plain CLIP.
"""

from typing import Any

from dassl.engine import TRAINER_REGISTRY

from promptsrc.prompts import ContextPrompts
from trainers.base import PromptTrainer
from trainers.words import check_a_vector_per_word


@TRAINER_REGISTRY.register()
class CoOp(PromptTrainer):
    node = "COOP"
    registered_as = "prompt_learner"
    learner = ContextPrompts

    def prompt_settings(self) -> dict[str, Any]:
        """
        Raises:
            ValueError: CSC beside words, or another number of vectors than of words.
        """
        settings = self.settings
        if settings.CTX_INIT and settings.CSC:
            raise ValueError(
                f"TRAINER.COOP.CSC is True and CTX_INIT {settings.CTX_INIT!r}, but words start one "
                "context for all classes; leave one of them out"
            )
        check_a_vector_per_word("COOP", settings)
        return {
            "n": settings.N_CTX,
            "ctx_init": settings.CTX_INIT,
            "classes": len(self.classnames) if settings.CSC else 0,
            "position": settings.CLASS_TOKEN_POSITION,
        }
