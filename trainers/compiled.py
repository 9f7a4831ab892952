"""A training step's forward and backward pass as one compiled graph.

With few classes a GPU waits for the host: a step of batch 4 computes less than that of the plain
implementation, but launches almost as many kernels (`benchmarks.launches`). A CUDA graph launches
them at once. The result is the same up to rounding. Not yet measured on a GPU.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

from promptsrc.clip.chunks import memory_of

P = ParamSpec("P")
T = TypeVar("T")


def as_one_graph(
    forward: Callable[P, T], device: torch.device, backend: str = "inductor"
) -> Callable[P, T]:
    """`forward`, compiled from its second call on for that call's shapes: one graph, or an error.

    The first call is the plain one; it leaves what later ones read (packed texts). On a GPU the
    next call overwrites what a call returned: clone what you need.
    """
    torch.compiler.assume_constant_result(memory_of)  # a graph cannot ask the system
    if device.type == "cuda":
        graph = torch.compile(forward, fullgraph=True, dynamic=False, mode="reduce-overhead")
    else:
        graph = torch.compile(forward, fullgraph=True, dynamic=False, backend=backend)
    now = forward

    def step(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal now
        run, now = now, graph
        return run(*args, **kwargs)

    return step
