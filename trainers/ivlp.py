"""Independent vision-language prompting, the baseline of PromptSRC (arXiv 2307.06948, section 3.1).

Deep prompts in both towers of a frozen CLIP, trained with the cross-entropy alone.
"""

from typing import Any

from dassl.engine import TRAINER_REGISTRY

from promptsrc.prompts import DeepPrompts
from trainers.base import PromptTrainer
from trainers.words import check_depth_is_used, check_words_are_used


@TRAINER_REGISTRY.register()
class IVLP(PromptTrainer):
    node = "IVLP"
    registered_as = "VLPromptLearner"
    learner = DeepPrompts
    usual_image_vectors = 2  # where nobody sets N_CTX_VISION

    def prompt_settings(self) -> dict[str, Any]:
        """
        Raises:
            ValueError: the text depth is below 1, or a key would not be used.
        """
        settings = self.settings
        if settings.PROMPT_DEPTH_TEXT < 1:
            raise ValueError(
                f"PROMPT_DEPTH_TEXT is {settings.PROMPT_DEPTH_TEXT}; it must be at least 1"
            )
        check_words_are_used(self.node, settings.CTX_INIT, "N_CTX_TEXT", settings.N_CTX_TEXT)
        n, depth = settings.N_CTX_VISION, settings.PROMPT_DEPTH_VISION
        check_depth_is_used(self.node, n, depth, self.usual_image_vectors)
        return {
            "n_text": settings.N_CTX_TEXT,
            "depth_text": settings.PROMPT_DEPTH_TEXT,
            "n_image": n,
            "depth_image": depth,
            "ctx_init": settings.CTX_INIT,
        }
