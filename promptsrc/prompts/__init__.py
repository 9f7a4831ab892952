"""What can be learned for a frozen CLIP, one file a way of prompting; `learner.py` says what they have in common."""

from promptsrc.prompts.conditional import ConditionalPrompts
from promptsrc.prompts.context import ContextPrompts
from promptsrc.prompts.coupled import CoupledPrompts
from promptsrc.prompts.deep import DeepPrompts
from promptsrc.prompts.learner import PromptLearner

__all__ = [
    "LEARNERS",
    "ConditionalPrompts",
    "ContextPrompts",
    "CoupledPrompts",
    "DeepPrompts",
    "PromptLearner",
]

LEARNERS = {
    kind.__name__: kind
    for kind in (ContextPrompts, ConditionalPrompts, CoupledPrompts, DeepPrompts)
}
