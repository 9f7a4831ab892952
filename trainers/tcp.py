"""TCP: textual-based class-aware prompt tuning (CVPR 2024, arXiv 2311.18231).

A net makes vectors of each class's frozen text feature, which enter deep in the text tower
(`promptsrc/prompts/class_aware.py`). L = L_CE + 8 (1 - (1/C) sum_c cos(g_c, u_c)), as in KgCoOp.
"""

from typing import Any

from dassl.engine import TRAINER_REGISTRY
from torch import Tensor

from promptsrc.cosine import cosine_distance
from promptsrc.model import Encoded
from promptsrc.prompts import ClassAwarePrompts
from promptsrc.prompts.class_aware import VECTORS
from promptsrc.templates import DEFAULT, TCP_DEFAULT, TCP_FROZEN, TCP_PROMPT
from trainers.base import PromptTrainer
from trainers.keys import CONTEXT, WORDS
from trainers.words import check_left_out, words_of

WEIGHT = 8.0  # of the distance; published files set W, which changes nothing


@TRAINER_REGISTRY.register()
class TCP(PromptTrainer):
    node = "COOP"
    registered_as = "prompt_learner"
    learner = ClassAwarePrompts
    prompts: ClassAwarePrompts

    def prompt_settings(self) -> dict[str, Any]:
        """
        Raises:
            ValueError: another number of vectors than 4, or a key that is not used.
        """
        settings, dataset = self.settings, self.cfg.DATASET.NAME
        check_left_out("TCP", self.node, settings, "W", "CSC", "CLASS_TOKEN_POSITION")
        if settings.N_CTX not in (VECTORS, CONTEXT):
            raise ValueError(
                f"TRAINER.COOP.N_CTX is {settings.N_CTX}, but TCP's texts have places for "
                f"{VECTORS}; leave it out"
            )
        return {
            "text_template": TCP_PROMPT.get(dataset, TCP_DEFAULT),
            "frozen_template": TCP_FROZEN.get(dataset, DEFAULT),
            "ctx_init": words_of(settings, WORDS),
        }

    def losses(self, student: Encoded, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        losses = super().losses(student, images, labels)
        losses["loss_kg"] = WEIGHT * cosine_distance(student.text, self.prompts.frozen)
        return losses
