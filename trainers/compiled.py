"""A training step's forward and backward pass as one compiled graph.

With few classes a GPU waits for the host: a step of batch 4 has more kernels to launch than a textbook's (`benchmarks.launches`),
for all its less arithmetic. A CUDA graph launches them at once. The result is the same but for rounding. Not yet measured on a GPU.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")


def as_one_graph(
    forward: Callable[P, T], device: torch.device, backend: str = "inductor"
) -> Callable[P, T]:
    """`forward`, from its second call on compiled for the shapes of that call; a whole graph or an error.

    The first call is the plain one, which makes what later ones find (packed texts). On a GPU what a call returns lies where the
    next one's results will: clone what is to be kept.
    """
    how = {"mode": "reduce-overhead"} if device.type == "cuda" else {"backend": backend}
    graph = torch.compile(forward, fullgraph=True, dynamic=False, **how)
    first = iter([forward])
    return lambda *args, **kwargs: next(first, graph)(*args, **kwargs)
