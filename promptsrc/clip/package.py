"""How modules of OpenAI's `clip` package are imported without the package itself.

The package imports torchvision, which takes two seconds, and `pkg_resources`, which setuptools no
longer ships. Its tokenizer and its towers need neither.
"""

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

NAME = "clip"


@contextmanager
def modules_alone() -> Iterator[None]:
    """In this block `from clip.model import ...` runs `clip/model.py`, not `clip/__init__.py`."""
    if NAME in sys.modules or not (spec := find_spec(NAME)):
        yield
        return
    package = types.ModuleType(NAME)
    package.__path__ = spec.submodule_search_locations or []
    sys.modules[NAME] = package
    try:
        yield
    finally:
        del sys.modules[NAME]
