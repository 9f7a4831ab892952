"""Operations of one training step, ours and the plain implementation's: about kernels on a GPU.

    python -m benchmarks.launches --classes 10 50

Counted on a CPU in the second step: forward, backward and optimizer, without views. ViT-B/16 with
random weights, batch 4.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.step import one_step
from benchmarks.workload import SIDES, VIT_B16, Shape
from promptsrc.command import Parser

ALLOCATIONS = {
    "empty",
    "empty_like",
    "empty_strided",
    "new_empty",
    "new_empty_strided",
    "_unsafe_view",
    "detach",
    "lift_fresh",
}


class _Counter(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        name = func.overloadpacket.__name__
        self.count += not (func.is_view or name in ALLOCATIONS)
        return func(*args, **(kwargs or {}))


@contextmanager
def _without_onednn() -> Iterator[None]:
    """In the block products are those of a GPU (see `promptsrc.clip.linear`)."""
    onednn: Any = torch.backends.mkldnn
    enabled, onednn.enabled = onednn.enabled, False
    try:
        yield
    finally:
        onednn.enabled = enabled


def launches(step: Callable[[], None]) -> int:
    """Operations of the second call; the first one fills the caches."""
    with _without_onednn():
        step()
        with _Counter() as counter:
            step()
    return counter.count


def main(argv: Sequence[str] | None = None, shape: Shape = VIT_B16) -> int:
    """Its exit code."""
    flags = Parser(__doc__)
    flags.add_argument("--classes", type=int, nargs="+", default=[50], help="numbers of classes")
    args = flags.parse_args(argv)
    print("classes     ours     plain")
    for classes in args.classes:
        steps = [one_step(side, shape, classes, torch.device("cpu"), "fp32") for side in SIDES]
        ours, plain = map(launches, steps)
        print(f"{classes:7} {ours:8} {plain:9}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
