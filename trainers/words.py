"""Refuses settings of prompts that would not be used beside others."""

from yacs.config import CfgNode

from promptsrc.clip.tokens import readable
from promptsrc.prompts.learner import MOST_WORDED_VECTORS
from trainers.keys import CONTEXT, METHODS, WORDS


def words_of(settings: CfgNode, own: str) -> str:
    """The words of CTX_INIT; `own`, those of the method, where it is True, none where False."""
    return own if settings.CTX_INIT is True else settings.CTX_INIT or ""


def check_left_out(trainer: str, node: str, settings: CfgNode, *keys: str) -> None:
    """Check the keys of a node that other methods share.

    Raises:
        ValueError: one is set that this trainer does not use.
    """
    for key in keys:
        if settings[key] != METHODS[node][key]:
            raise ValueError(
                f"TRAINER.{node}.{key} is {settings[key]!r}, but {trainer} does not use it; leave "
                "it out"
            )


def check_a_vector_per_word(node: str, words: str, n: int) -> None:
    """Check N_CTX where words decide the number of vectors (CoOp, CoCoOp).

    Raises:
        ValueError: another number than that of the words is set.
    """
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


def check_depth_is_used(node: str, n: int, depth: int, usual: int) -> None:
    """Check N_CTX_VISION beside PROMPT_DEPTH_VISION 0, which means no image prompts.

    Raises:
        ValueError: vectors are set, neither 0 nor the usual number.
    """
    if not depth and n not in (0, usual):
        raise ValueError(
            f"TRAINER.{node}.N_CTX_VISION is {n}, but PROMPT_DEPTH_VISION 0 means no image "
            "prompts; leave one of them out"
        )
