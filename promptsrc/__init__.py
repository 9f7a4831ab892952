"""PromptSRC: prompts that adapt a frozen CLIP without making it forget (ICCV 2023, arXiv 2307.06948).

`promptsrc.load(path).classify(images, classnames)` classifies with what was trained; see `promptsrc.classify`.
"""

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptsrc.classify import load as load

# clip imports pkg_resources, which announces its end at every start; setup.py pins a setuptools that has it
warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)


def __getattr__(name: str) -> Any:
    """`load` only when it is asked for: it imports PyTorch, and the commands' `--help` is to answer at once."""
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from promptsrc.classify import load

    return load
