"""CoOp: context optimization (arXiv 2109.01134).

Learns the context around the class names, at the input of the text tower; the image tower stays
plain CLIP.
"""

from typing import Any, ClassVar

from dassl.engine import TRAINER_REGISTRY

from promptsrc.prompts import ContextPrompts
from trainers.base import PromptTrainer
from trainers.keys import WORDS
from trainers.words import check_a_vector_per_word, check_left_out


@TRAINER_REGISTRY.register()
class CoOp(PromptTrainer):
    node = "COOP"
    registered_as = "prompt_learner"
    learner = ContextPrompts
    a_vector_per_word = True
    unused: ClassVar[tuple[str, ...]] = ("W",)  # keys of the node that are for other methods

    @property
    def words(self) -> str:
        """The words that the context starts from.

        Raises:
            ValueError: CTX_INIT is True, which CoOp gives no words for.
        """
        if self.settings.CTX_INIT is True:
            raise ValueError(
                f"TRAINER.COOP.CTX_INIT is True, but CoOp takes words, such as {WORDS!r}"
            )
        return self.settings.CTX_INIT or ""

    def prompt_settings(self) -> dict[str, Any]:
        """
        Raises:
            ValueError: CSC beside words, another number of vectors than of words, or a key that is
                not used.
        """
        settings, words = self.settings, self.words
        check_left_out(self.cfg.TRAINER.NAME, self.node, settings, *self.unused)
        if words and settings.CSC:
            raise ValueError(
                f"TRAINER.COOP.CSC is True and CTX_INIT {words!r}, but words start one context for "
                "all classes; leave one of them out"
            )
        if self.a_vector_per_word:
            check_a_vector_per_word("COOP", words, settings.N_CTX)
        return {
            "n": settings.N_CTX,
            "ctx_init": words,
            "classes": len(self.classnames) if settings.CSC else 0,
            "position": settings.CLASS_TOKEN_POSITION,
        }
