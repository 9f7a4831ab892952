"""Evaluation, ours and the plain implementation's: images per second.

    python -m benchmarks.evaluation --classes 100 500 1000 --batch 100 20 --device cpu

The plain implementation encodes all classes for every batch. Ours encodes them once per
evaluation, which has a column of its own. ViT-B/16 with random weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from benchmarks.command import parser, store
from benchmarks.measure import in_turn, seconds
from benchmarks.workload import SIDES, VIT_B16, Shape, batch, class_names


@dataclass
class Row:
    """Measured at one number of classes and one batch size."""

    classes: int
    batch: int
    ratio: float
    images_per_second: float
    plain_images_per_second: float
    class_seconds: float  # ours, once per evaluation

    def __str__(self) -> str:
        return (
            f"{self.classes:7} {self.batch:6} {self.ratio:6.2f} {self.images_per_second:9.2f} "
            f"{self.plain_images_per_second:11.2f} {self.class_seconds:14.2f}"
        )


HEADER = "classes  batch  ratio  images/s  plain im./s  for classes, s"


@torch.no_grad()
def measure(
    shape: Shape, classes: int, size: int, repeats: int, device: torch.device, prec: str
) -> Row:
    """One row."""
    names = class_names(classes)
    ours, plain = (SIDES[side](shape, names, device, prec).student for side in ("ours", "plain"))
    images, _ = batch(shape, classes, size, device)
    class_seconds = seconds(ours.class_features, device)
    with ours.classes_encoded_once():
        works = {"ours": lambda: ours.classify(images), "plain": lambda: plain.classify(images)}
        times = in_turn(works, repeats, device)
    ratio = times["plain"] / times["ours"]
    return Row(classes, size, ratio, size / times["ours"], size / times["plain"], class_seconds)


def main(argv: Sequence[str] | None = None, shape: Shape = VIT_B16) -> int:
    """Its exit code."""
    flags = parser(__doc__, classes=[100, 500, 1000])
    flags.add_argument("--batch", type=int, nargs="+", default=[100, 20], help="batch sizes")
    args = flags.parse_args(argv)
    print(HEADER)
    rows, device = [], torch.device(args.device)
    for classes in args.classes:
        for size in args.batch:
            rows.append(measure(shape, classes, size, args.repeats, device, args.prec))
            print(rows[-1], flush=True)
    store(rows, args.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
