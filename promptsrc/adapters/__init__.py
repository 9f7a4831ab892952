"""What can be learned on a frozen CLIP's features, a file per method; `adapter.py` is the base."""

from promptsrc.adapters.adapter import AdaptedCLIP, Adapter
from promptsrc.adapters.blended_probe import BlendedProbe
from promptsrc.adapters.bottleneck import BottleneckAdapter
from promptsrc.adapters.key_value_cache import KeyValueCache
from promptsrc.adapters.prototypes import Prototypes
from promptsrc.adapters.residuals import TaskResiduals

__all__ = [
    "AdaptedCLIP",
    "Adapter",
    "BlendedProbe",
    "BottleneckAdapter",
    "KeyValueCache",
    "Prototypes",
    "TaskResiduals",
]
