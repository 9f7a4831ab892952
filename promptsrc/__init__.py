"""PromptSRC: prompts that adapt a frozen CLIP without making it forget (arXiv 2307.06948).

    classifier = promptsrc.load("output/run")        # classify with what was trained
    classifier.classify("photos", ["cat", "dog"])

The parts, to build with (docs/PLAIN_PYTORCH.md trains with them in 30 lines):

    regulation    what the paper adds: losses, averaged prompts, diverse class features
    prompts       what is learned: prompt vectors by block, for either tower
    adapters      what is learned on features, with both towers left alone
    model         a frozen CLIP with prompts (the student), and without (the teacher)
    clip          the frozen CLIP: loading, towers, precision
    pack          several runs through one CLIP at a time
    inference     classify images, prompt files, exports
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from promptsrc.clip.frozen import FrozenCLIP, load_clip
    from promptsrc.clip.precision import precision
    from promptsrc.inference.classifier import Classifier, load
    from promptsrc.model import Encoded, PromptedCLIP, ZeroShotCLIP
    from promptsrc.prompts import (
        ConditionalPrompts,
        ContextPrompts,
        CoupledPrompts,
        DeepPrompts,
        PromptLearner,
    )
    from promptsrc.regulation import (
        GaussianAggregation,
        SelfRegulation,
        consistency_losses,
        diverse_features,
        gaussian_weights,
    )

__all__ = [
    "Classifier",
    "ConditionalPrompts",
    "ContextPrompts",
    "CoupledPrompts",
    "DeepPrompts",
    "Encoded",
    "FrozenCLIP",
    "GaussianAggregation",
    "PromptLearner",
    "PromptedCLIP",
    "SelfRegulation",
    "ZeroShotCLIP",
    "consistency_losses",
    "diverse_features",
    "gaussian_weights",
    "load",
    "load_clip",
    "precision",
]
_MODULES = (
    "clip.frozen",
    "clip.precision",
    "inference.classifier",
    "model",
    "prompts",
    "regulation",
)


def __getattr__(name: str) -> Any:
    """Import the parts when they are first used, so that `--help` does not wait for PyTorch."""
    if name in __all__:
        for module in _MODULES:
            found = vars(import_module(f"promptsrc.{module}"))
            if name in found:
                return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
