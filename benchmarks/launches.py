"""Operations that one training step hands to the device, ours and the textbook's: on a GPU each is about one kernel to launch.

    python -m benchmarks.launches --classes 10 50

Counted on a CPU, forward, backward and optimizer of the second step, without those that only look at memory otherwise (views). ViT-B/16
with random weights, batch 4.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.step import one_step
from benchmarks.workload import SIDES, VIT_B16, Shape

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


def launches(step: Callable[[], None]) -> int:
    """Of one call behind another, in which what is kept from step to step is made."""
    step()
    with _Counter() as counter:
        step()
    return counter.count


def main(argv: Sequence[str] | None = None, shape: Shape = VIT_B16) -> int:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--classes", type=int, nargs="+", default=[50], help="numbers of classes")
    args = flags.parse_args(argv)
    print("classes     ours  textbook")
    for classes in args.classes:
        counts = [
            launches(one_step(side, shape, classes, torch.device("cpu"), "fp32")) for side in SIDES
        ]
        print(f"{classes:7} {counts[0]:8} {counts[1]:9}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
