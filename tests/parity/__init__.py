"""Recorded cases of reference implementations, replayed through our trainers.

cases.py      what a recording says: weights, images, configuration
training.py   a training of ours, and everything it computes by the names of the arrays
<method>.py   what a method records besides
compare.py    how much ours differs from a recorded array
"""

import pkgutil
from importlib import import_module

from tests.parity.cases import batches_of, config_of, eval_images_of, load_cases, write_theirs
from tests.parity.compare import Difference, replay
from tests.parity.training import Replay, recorded

for found in pkgutil.iter_modules(__path__):  # a file a method, each known once it is imported
    if found.name != "__main__":
        import_module(f"{__name__}.{found.name}")

__all__ = [
    "Difference",
    "Replay",
    "batches_of",
    "config_of",
    "eval_images_of",
    "load_cases",
    "recorded",
    "replay",
    "write_theirs",
]
