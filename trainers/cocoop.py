"""CoCoOp: conditional context optimization (arXiv 2203.05557).

A small net shifts the learned context for each image, so every image has class features of its own:
B x C texts per batch.
"""

from typing import Any

from dassl.engine import TRAINER_REGISTRY

from promptsrc.prompts import ConditionalPrompts
from trainers.base import PromptTrainer
from trainers.words import check_a_vector_per_word


@TRAINER_REGISTRY.register()
class CoCoOp(PromptTrainer):
    node = "COCOOP"
    registered_as = "prompt_learner"
    learner = ConditionalPrompts

    def prompt_settings(self) -> dict[str, Any]:
        """
        Raises:
            ValueError: another number of vectors than of words.
        """
        n, words = self.settings.N_CTX, self.settings.CTX_INIT
        check_a_vector_per_word("COCOOP", words, n)
        return {"n": n, "ctx_init": words}
