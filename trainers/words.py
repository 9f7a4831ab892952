"""Refuses CTX_INIT beside settings that it would not go with."""

from yacs.config import CfgNode

from promptsrc.clip.text import readable
from promptsrc.prompts.learner import MOST_WORDED_VECTORS

CONTEXT = 16  # N_CTX of CoOp and CoCoOp, where nobody sets it
WORDS = "a photo of a"  # CTX_INIT of the deep methods


def check_a_vector_per_word(node: str, settings: CfgNode) -> None:
    """Check N_CTX where words decide the number of vectors (CoOp, CoCoOp).

    Raises:
        ValueError: another number than that of the words is set.
    """
    words, n = settings.CTX_INIT, settings.N_CTX
    count = len(readable(words).split())
    if words and n not in (count, CONTEXT):
        raise ValueError(
            f"TRAINER.{node}.N_CTX is {n}, but CTX_INIT {words!r} makes {count} vectors; leave one "
            "of them out"
        )


def check_words_are_used(node: str, words: str, key: str, n: int) -> None:
    """Check CTX_INIT where it starts a few vectors only (the deep methods).

    Raises:
        ValueError: words are set, and would not be used.
    """
    if n > MOST_WORDED_VECTORS and words not in ("", WORDS):
        raise ValueError(
            f"TRAINER.{node}.CTX_INIT is {words!r}, but {key} is {n}, and at "
            f"most {MOST_WORDED_VECTORS} vectors start from words; leave CTX_INIT empty"
        )
