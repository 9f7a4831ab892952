"""Several runs in one step: seconds and memory, against as many runs one after another.

    python -m benchmarks.pack --runs 1 4 --classes 10 50 --device cpu
    python -m benchmarks.pack --seeds 5           # train.py --seeds against five train.py, whole

The step is PromptSRC's, batch 4, on a ViT-B/16 with random weights; seconds are those of a run.
With --seeds it is the embedded benchmark, from the start of the processes to the results, in CPU
time of one thread.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from benchmarks.command import parser, store
from benchmarks.measure import peak_memory
from benchmarks.step import BATCH
from benchmarks.workload import VIT_B16, Shape, batch, class_names, frozen_clip, side_of
from promptsrc.command import positive
from trainers.memory import GIB
from trainers.pack import Pack, SharedCLIP, backward, clip_of

STEPS = 3  # of which the first warms up
HEADER = "classes  runs  ratio  a run-step, s  alone, s  peak, GiB  alone, GiB"


@dataclass
class Row:
    """Measured at one number of classes and of runs; bytes and seconds."""

    classes: int
    runs: int
    ratio: float  # seconds alone over those of a run in the pack
    seconds: float  # of a run's step in the pack
    alone_seconds: float
    peak_memory: int | None  # of all runs
    alone_peak_memory: int | None

    def __str__(self) -> str:
        peaks = [
            f"{m / GIB:9.2f}" if m else "        ?"
            for m in (self.peak_memory, self.alone_peak_memory)
        ]
        return (
            f"{self.classes:7} {self.runs:5} {self.ratio:6.2f} {self.seconds:14.3f} "
            f"{self.alone_seconds:9.3f} {peaks[0]}  {peaks[1]}"
        )


def steps_of(
    runs: int, shape: Shape, classes: int, device: torch.device, prec: str
) -> Callable[[], float]:
    """A function that takes `STEPS` steps of each run; returns the seconds of one step of all."""
    frozen, names = frozen_clip(shape, device, prec), class_names(classes)
    data, clock = batch(shape, classes, BATCH, device), _clock(device)

    def work(starts: list[float]) -> int:
        clip = clip_of(None, "clip", lambda: frozen)
        side = side_of(clip, clip, shape, names)
        for _ in range(STEPS):
            starts.append(clock())
            loss = side.loss(*data)
            side.optimizer.zero_grad()
            backward(loss)
            side.optimizer.step()
        starts.append(clock())
        return 0

    def timed() -> float:
        starts: list[list[float]] = [[] for _ in range(runs)]
        if runs == 1:
            work(starts[0])
        else:
            pack = Pack({str(i): partial(work, each) for i, each in enumerate(starts)})
            pack.clips["clip"] = SharedCLIP(frozen)
            pack.run()
        return (starts[0][-1] - starts[0][1]) / (STEPS - 1)

    return timed


def _clock(device: torch.device) -> Callable[[], float]:
    """As `benchmarks.measure.seconds`."""

    def synchronized() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    if device.type == "cuda":
        return synchronized
    return time.process_time if torch.get_num_threads() == 1 else time.perf_counter


def measure(
    shape: Shape, classes: int, runs: int, repeats: int, device: torch.device, prec: str
) -> Row:
    """One row; the pack and the run alone take turns."""
    sizes = (shape, classes, device, prec)
    works = [steps_of(runs, *sizes), steps_of(1, *sizes)]
    rounds = [[work() for work in works] for _ in range(repeats)]
    together, alone = (statistics.median(times) for times in zip(*rounds, strict=True))
    del works
    peaks = [peak_memory(steps_of, count, *sizes) for count in (runs, 1)]
    return Row(classes, runs, alone * runs / together, together / runs, alone, *peaks)


def whole(seeds: int) -> float:
    """The ratio of CPU times: PromptSRC on the embedded benchmark for each seed, and as a pack."""
    numbers = [str(seed) for seed in range(1, seeds + 1)]
    with tempfile.TemporaryDirectory() as folder:
        _cpu_seconds(folder, "warm", "--seed", "1", "OPTIM.MAX_EPOCH", "1")  # fills the cache
        alone = sum(_cpu_seconds(folder, "alone", "--seed", seed) for seed in numbers)
        together = _cpu_seconds(folder, "pack", "--seeds", *numbers)
    print(f"{seeds} seeds: {alone:.1f} s one after another, {together:.1f} s as a pack")
    return alone / together


def _cpu_seconds(folder: str, name: str, *words: str) -> float:
    """Of a run of train.py, its loading processes included."""
    command = [sys.executable, "train.py", "--trainer", "PromptSRC"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [*command, "--output-dir", f"{folder}/{name}", *words],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(argv: Sequence[str] | None = None, shape: Shape = VIT_B16) -> int:
    """Its exit code."""
    flags = parser(__doc__, classes=[10, 50])
    flags.add_argument("--runs", type=positive, nargs="+", default=[4], help="runs of a pack")
    flags.add_argument("--seeds", type=positive, help="whole runs of that many seeds instead")
    args = flags.parse_args(argv)
    if args.seeds:
        print(f"ratio {whole(args.seeds):.2f}")
        return 0
    print(HEADER)
    rows, device = [], torch.device(args.device)
    for classes in args.classes:
        for runs in args.runs:
            rows.append(measure(shape, classes, runs, args.repeats, device, args.prec))
            print(rows[-1], flush=True)
    store(rows, args.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
