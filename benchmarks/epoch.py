"""A whole epoch, ours against the textbook's: images from JPEG files, steps, aggregation, checkpoint.

    python -m benchmarks.epoch --classes 50 --shots 1 --device cpu

Of both the second epoch, in which ours has the images decoded already. Ours writes the prompts, with momentum and aggregation; the
textbook what implementations of this field write: the prompts and both models around them, with momentum.
ViT-B/16 with random weights.
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
    textbook_seconds: float
    checkpoint_bytes: int
    textbook_checkpoint_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.classes:7} {self.images:6} {self.ratio:6.2f} {self.seconds:8.2f} {self.textbook_seconds:10.2f} "
            f"{self.checkpoint_bytes:11,} {self.textbook_checkpoint_bytes:15,}"
        )


HEADER = "classes images  ratio  ours, s  textb., s  ckpt, bytes  textb. ckpt, b"


def epoch(
    side: Side, batches: DataLoader, file: Path, device: torch.device, whole_models: bool
) -> float:
    """Seconds of one epoch, its checkpoint included."""
    start = time.perf_counter()
    for batch in batches:
        side.step(
            batch["img"].to(device, non_blocking=True), batch["label"].to(device, non_blocking=True)
        )
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
    times, sizes = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, build in SIDES.items():
            plain, file = name == "textbook", Path(folder) / name
            side = build(shape, class_names(classes), device, prec)
            items = photographs(Path(folder), classes * shots)
            batches = loader(items, 0 if plain else 1024, WORKERS, shape.resolution)
            times[name] = [epoch(side, batches, file, device, plain) for _ in range(2)][-1]
            sizes[name] = file.stat().st_size
    ratio = times["textbook"] / times["ours"]
    return Row(
        classes,
        classes * shots,
        ratio,
        times["ours"],
        times["textbook"],
        sizes["ours"],
        sizes["textbook"],
    )


def main(argv: Sequence[str] | None = None, shape: Shape = VIT_B16) -> int:
    flags = parser(__doc__, classes=[50])
    flags.add_argument("--shots", type=int, default=1, help="images a class")
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
