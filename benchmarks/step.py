"""One training step, ours against the textbook's: seconds, peak memory, share of the arithmetic floor.

    python -m benchmarks.step --classes 50 --device cpu --json step.json

Forward, cross-entropy and the three constraints, backward, optimizer; ViT-B/16 with random weights, batch 4. The two sides are timed in
turn in one run. Where the textbook would need more than --textbook-up-to classes, its numbers go on along the line through its
two largest smaller counts (its work is linear in the classes), marked with *.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from benchmarks.command import parser, store
from benchmarks.floor import matmul_rate, step_flops, textbook_flops
from benchmarks.measure import GIB, in_turn, peak_memory
from benchmarks.workload import VIT_B16, WAYS, Shape, batch, class_names
from promptsrc.clip.text import class_texts, tokenize

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
    ratio: float  # textbook's seconds over ours
    seconds: float
    textbook_seconds: float
    peak_memory: int | None
    textbook_peak_memory: int | None
    allowed_ratio: (
        float  # that arithmetic alone allows: the textbook's FLOPs over the unavoidable ones
    )
    share_of_floor: float  # seconds that the unavoidable FLOPs take at the matmul rate, over ours
    extrapolated: bool  # the textbook's numbers

    def __str__(self) -> str:
        mark = "*" if self.extrapolated else " "
        ours, plain = (
            f"{m / GIB:8.2f}" if m else "       ?"
            for m in (self.peak_memory, self.textbook_peak_memory)
        )
        return (
            f"{self.classes:7}  {self.ratio:5.2f}{mark} {self.allowed_ratio:7.1f} "
            f"{self.seconds:8.3f} {self.textbook_seconds:8.3f}{mark} {ours} {plain}{mark} "
            f"{self.share_of_floor:6.0%}"
        )


HEADER = "classes  ratio  allowed  ours, s  textb., s  ours,GiB txtb.,GiB  of floor"


def measure(
    shape: Shape, classes: int, textbook_to: Sequence[Row], args: argparse.Namespace
) -> Row:
    """One row; the textbook is timed, or its line through the last two rows of `textbook_to` continued where these are given."""
    device, names = torch.device(args.device), class_names(classes)
    ways = {"ours": "compiled" if args.compile else "ours"} | (
        {} if textbook_to else {"textbook": "textbook"}
    )
    works = {side: one_step(way, shape, classes, device, args.prec) for side, way in ways.items()}
    rate = matmul_rate(device, DTYPES[args.prec])
    times = in_turn(works, args.repeats, device)
    rate = max(
        rate, matmul_rate(device, DTYPES[args.prec])
    )  # before and after, for a machine that is not ours alone
    del works
    peaks = {
        side: peak_memory(one_step, way, shape, classes, device, args.prec)
        for side, way in ways.items()
    }
    if textbook_to:
        times["textbook"] = _on_the_line(classes, textbook_to, "textbook_seconds")
        peaks["textbook"] = _on_the_line(classes, textbook_to, "textbook_peak_memory")
    unavoidable = step_flops(shape, text_lengths(names), BATCH)
    return Row(
        classes,
        times["textbook"] / times["ours"],
        times["ours"],
        times["textbook"],
        peaks["ours"],
        peaks["textbook"] and int(peaks["textbook"]),
        textbook_flops(shape, classes, BATCH) / unavoidable,
        unavoidable / rate / times["ours"],
        bool(textbook_to),
    )


def one_step(
    way: str, shape: Shape, classes: int, device: torch.device, prec: str
) -> Callable[[], None]:
    """A call that does one step of a side, which it holds."""
    built = WAYS[way](shape, class_names(classes), device, prec)
    return partial(built.step, *batch(shape, classes, BATCH, device))


def text_lengths(names: Sequence[str]) -> list[int]:
    """Positions of each class's text, EOT included."""
    return (tokenize(class_texts(names, "a photo of a")).argmax(-1) + 1).tolist()


def _on_the_line(classes: int, rows: Sequence[Row], field: str) -> float | None:
    (x0, y0), (x1, y1) = ((row.classes, getattr(row, field)) for row in rows[-2:])
    if y0 is None or y1 is None:
        return None
    return y1 + (y1 - y0) / (x1 - x0) * (classes - x1)


def run(shape: Shape, args: argparse.Namespace) -> list[Row]:
    """A row for each number of classes, printed as they come.

    Raises:
        ValueError: the textbook's line needs two smaller counts, and there are fewer.
    """
    counts = sorted(args.classes)
    timed = [count for count in counts if count <= args.textbook_up_to]
    if len(timed) < 2 and len(timed) < len(counts):
        raise ValueError(
            f"the textbook is timed up to {args.textbook_up_to} classes only; give --classes two counts up to there as well"
        )
    print(HEADER)
    rows: list[Row] = []
    for count in counts:
        rows.append(measure(shape, count, [] if count in timed else rows[: len(timed)], args))
        print(rows[-1], flush=True)
    return rows


def main(argv: Sequence[str] | None = None, shape: Shape = VIT_B16) -> int:
    flags = parser(__doc__, classes=[50])
    flags.add_argument(
        "--textbook-up-to",
        type=int,
        default=500,
        help="classes that fit into memory the textbook's way",
    )
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
