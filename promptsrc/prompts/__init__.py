"""What can be learned for a frozen CLIP, a file per way of prompting; `learner.py` is the base."""

from promptsrc.prompts.class_aware import ClassAwarePrompts
from promptsrc.prompts.conditional import ConditionalPrompts
from promptsrc.prompts.context import ContextPrompts
from promptsrc.prompts.coupled import CoupledPrompts
from promptsrc.prompts.deep import DeepPrompts
from promptsrc.prompts.dept import DecoupledPrompts
from promptsrc.prompts.learner import LEARNERS, PromptLearner, find_learner
from promptsrc.prompts.padded import PaddedPrompts

__all__ = [
    "LEARNERS",
    "ClassAwarePrompts",
    "ConditionalPrompts",
    "ContextPrompts",
    "CoupledPrompts",
    "DecoupledPrompts",
    "DeepPrompts",
    "PaddedPrompts",
    "PromptLearner",
    "find_learner",
]
