"""What we use of OpenAI's `clip` package: its modules, its tokenizer, and where its weights are.

Import them from here only. `clip` reads `packaging` out of `pkg_resources`, which setuptools no
longer ships; while `clip` is imported, a stand-in holds the one comparison that `clip` makes.
"""

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

NAME = "pkg_resources"


@contextmanager
def _stand_in() -> Iterator[None]:
    """A `pkg_resources` whose `packaging.version.parse` compares "2.5.1+cpu" with "1.7.1"."""
    before = sys.modules.get(NAME)
    stand_in = types.ModuleType(NAME)
    parse = lambda version: [int(part) for part in version.split("+")[0].split(".")[:2]]  # noqa: E731
    version = types.SimpleNamespace(parse=parse)
    vars(stand_in)["packaging"] = types.SimpleNamespace(version=version)
    sys.modules[NAME] = stand_in
    try:
        yield
    finally:
        del sys.modules[NAME]
        if before is not None:
            sys.modules[NAME] = before


with _stand_in():
    from clip.clip import _MODELS as MODEL_URLS
    from clip.clip import _tokenizer as tokenizer
    from clip.clip import tokenize
    from clip.model import CLIP, QuickGELU, ResidualAttentionBlock, VisionTransformer

__all__ = [
    "CLIP",
    "MODEL_URLS",
    "QuickGELU",
    "ResidualAttentionBlock",
    "VisionTransformer",
    "tokenize",
    "tokenizer",
]
