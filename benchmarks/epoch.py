"""A whole epoch, ours and the plain implementation's: JPEG files, steps, aggregation, checkpoint.

    python -m benchmarks.epoch --classes 50 --shots 1 --device cpu

The second epoch is timed, for which ours has decoded images in its cache. Our checkpoint holds the
prompts, momentum and aggregation. The plain one also holds both models, as in CoOp-style
repositories. ViT-B/16 with random weights.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.command import parser, store
from benchmarks.data import loader, photographs
from benchmarks.workload import SIDES, VIT_B16, Shape, Side, class_names

WORKERS = 2


@dataclass
class Row:
    """Measured at one number of classes."""

    classes: int
    images: int
    ratio: float
    seconds: float
    plain_seconds: float
    checkpoint_bytes: int
    plain_checkpoint_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.classes:7} {self.images:6} {self.ratio:6.2f} {self.seconds:8.2f} "
            f"{self.plain_seconds:10.2f} {self.checkpoint_bytes:11,} "
            f"{self.plain_checkpoint_bytes:15,}"
        )


HEADER = "classes images  ratio  ours, s   plain, s  ckpt, bytes  plain ckpt, b."


def epoch(
    side: Side, batches: DataLoader, file: Path, device: torch.device, whole_models: bool
) -> float:
    """Seconds of one epoch with its checkpoint."""
    start = time.perf_counter()
    for batch in batches:
        images, labels = (batch[key].to(device, non_blocking=True) for key in ("img", "label"))
        side.step(images, labels)
    side.regulation.end_epoch(side.student.prompts)
    state = {
        "state_dict": side.student.prompts.state_dict(),
        "optimizer": side.optimizer.state_dict(),
        "regulation": side.regulation.aggregation.state_dict(),
    }
    if whole_models:
        both = nn.ModuleList([side.student.frozen.clip, side.regulation.teacher.frozen.clip])
        state["state_dict"] = state["state_dict"] | both.state_dict()
    torch.save(state, file)
    return time.perf_counter() - start


def measure(shape: Shape, classes: int, shots: int, device: torch.device, prec: str) -> Row:
    """One row."""
    times, sizes = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, build in SIDES.items():
            plain, file = name == "plain", Path(folder) / name
            side = build(shape, class_names(classes), device, prec)
            items = photographs(Path(folder), classes * shots)
            batches = loader(items, 0 if plain else 1024, WORKERS, shape.resolution)
            times[name] = [epoch(side, batches, file, device, plain) for _ in range(2)][-1]
            sizes[name] = file.stat().st_size
    seconds, plain_seconds = times["ours"], times["plain"]
    ratio = plain_seconds / seconds
    counts = classes, classes * shots
    return Row(*counts, ratio, seconds, plain_seconds, sizes["ours"], sizes["plain"])


def main(argv: Sequence[str] | None = None, shape: Shape = VIT_B16) -> int:
    """Its exit code."""
    flags = parser(__doc__, classes=[50])
    flags.add_argument("--shots", type=int, default=1, help="images per class")
    args = flags.parse_args(argv)
    print(HEADER)
    rows = []
    for classes in args.classes:
        rows.append(measure(shape, classes, args.shots, torch.device(args.device), args.prec))
        print(rows[-1], flush=True)
    store(rows, args.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
