"""PromptSRC: prompts that adapt a frozen CLIP without making it forget (ICCV 2023, arXiv 2307.06948).

`promptsrc.load(path).classify(images, classnames)` classifies with what was trained; see `promptsrc.inference.classifier`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptsrc.inference.classifier import load as load


def __getattr__(name: str) -> Any:
    """`load` only when it is asked for: it imports PyTorch, and the commands' `--help` is to answer at once."""
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from promptsrc.inference.classifier import load

    return load
