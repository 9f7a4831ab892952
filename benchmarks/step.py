"""One training step, ours and the plain implementation's: seconds, memory, share of the floor.

    python -m benchmarks.step --classes 50 --device cpu --json step.json

Forward, cross-entropy and the three constraints, backward, optimizer; ViT-B/16 with random weights,
batch 4. Both sides take turns in one run. Above --textbook-up-to classes the plain implementation,
whose work is linear in the classes, is extrapolated from its last two rows, marked with *.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from benchmarks.command import parser, store
from benchmarks.floor import matmul_rate, plain_flops, step_flops
from benchmarks.measure import in_turn, peak_memory
from benchmarks.workload import VIT_B16, WAYS, Shape, batch, class_names
from promptsrc.clip.text import class_texts, tokenize
from trainers.memory import GIB

BATCH = 4
DTYPES = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "amp": torch.float16,
    "bf16": torch.bfloat16,
}


@dataclass
class Row:
    """Measured at one number of classes; bytes and seconds."""

    classes: int
    ratio: float  # plain seconds over ours
    seconds: float
    plain_seconds: float
    peak_memory: int | None
    plain_peak_memory: int | None
    allowed_ratio: float  # by arithmetic alone: plain FLOPs over the unavoidable ones
    share_of_floor: float  # seconds of the unavoidable FLOPs at the matmul rate, over ours
    extrapolated: bool  # the plain values

    def __str__(self) -> str:
        mark = "*" if self.extrapolated else " "
        ours, plain = (
            f"{m / GIB:8.2f}" if m else "       ?"
            for m in (self.peak_memory, self.plain_peak_memory)
        )
        return (
            f"{self.classes:7}  {self.ratio:5.2f}{mark} {self.allowed_ratio:7.1f} "
            f"{self.seconds:8.3f} {self.plain_seconds:8.3f}{mark} {ours} {plain}{mark} "
            f"{self.share_of_floor:6.0%}"
        )


HEADER = "classes  ratio  allowed  ours, s   plain, s  ours,GiB plain,GiB  of floor"


def measure(shape: Shape, classes: int, plain_rows: Sequence[Row], args: argparse.Namespace) -> Row:
    """One row.

    Args:
        plain_rows: rows to extrapolate the plain implementation from; empty: it is timed.
    """
    device, names = torch.device(args.device), class_names(classes)
    ways = {"ours": "compiled" if args.compile else "ours"}
    if not plain_rows:
        ways["plain"] = "plain"
    steps = {way: (way, shape, classes, device, args.prec) for way in ways.values()}
    works = {side: one_step(*steps[way]) for side, way in ways.items()}
    rate = matmul_rate(device, DTYPES[args.prec])
    times = in_turn(works, args.repeats, device)
    rate = max(rate, matmul_rate(device, DTYPES[args.prec]))  # again, as the machine may be busy
    del works
    peaks = {side: peak_memory(one_step, *steps[way]) for side, way in ways.items()}
    if plain_rows:
        times["plain"] = _extrapolated(classes, [(r.classes, r.plain_seconds) for r in plain_rows])
        known = [(r.classes, r.plain_peak_memory) for r in plain_rows if r.plain_peak_memory]
        peaks["plain"] = int(_extrapolated(classes, known)) if len(known) > 1 else None
    unavoidable = step_flops(shape, text_lengths(names), BATCH)
    return Row(
        classes,
        ratio=times["plain"] / times["ours"],
        seconds=times["ours"],
        plain_seconds=times["plain"],
        peak_memory=peaks["ours"],
        plain_peak_memory=peaks["plain"],
        allowed_ratio=plain_flops(shape, classes, BATCH) / unavoidable,
        share_of_floor=unavoidable / rate / times["ours"],
        extrapolated=bool(plain_rows),
    )


def one_step(
    way: str, shape: Shape, classes: int, device: torch.device, prec: str
) -> Callable[[], None]:
    """A function that takes one training step."""
    built = WAYS[way](shape, class_names(classes), device, prec)
    return partial(built.step, *batch(shape, classes, BATCH, device))


def text_lengths(names: Sequence[str]) -> list[int]:
    """Positions of each class's text, EOT included."""
    return (tokenize(class_texts(names, "a photo of a")).argmax(-1) + 1).tolist()


def _extrapolated(classes: int, points: Sequence[tuple[int, float]]) -> float:
    (x0, y0), (x1, y1) = points[-2:]
    return y1 + (y1 - y0) / (x1 - x0) * (classes - x1)


def run(shape: Shape, args: argparse.Namespace) -> list[Row]:
    """One row per number of classes, each printed when it is measured.

    Raises:
        ValueError: there are fewer than two rows to extrapolate from.
    """
    counts = sorted(args.classes)
    timed = [count for count in counts if count <= args.textbook_up_to]
    if len(timed) < 2 and len(timed) < len(counts):
        raise ValueError(
            f"--textbook-up-to is {args.textbook_up_to}, so the plain implementation is not timed "
            "above; give --classes two numbers up to there to extrapolate from"
        )
    print(HEADER)
    rows: list[Row] = []
    for count in counts:
        rows.append(measure(shape, count, [] if count in timed else rows[: len(timed)], args))
        print(rows[-1], flush=True)
    return rows


def main(argv: Sequence[str] | None = None, shape: Shape = VIT_B16) -> int:
    """Its exit code."""
    flags = parser(__doc__, classes=[50])
    most = "most classes with which the plain implementation fits into memory"
    flags.add_argument("--textbook-up-to", type=int, default=500, help=most)
    flags.add_argument("--compile", action="store_true", help="ours with MODEL.COMPILE")
    args = flags.parse_args(argv)
    try:
        rows = run(shape, args)
    except ValueError as error:
        flags.error(str(error))
    store(rows, args.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
