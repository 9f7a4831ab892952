"""Seconds and bytes."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping

import torch

from trainers.memory import resident


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of one call, with the device's work.

    On one CPU thread (OMP_NUM_THREADS=1) it is the CPU time of the process, so other work on the
    machine does not matter.
    """
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    start = clock()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return clock() - start


def in_turn(
    works: Mapping[str, Callable[[], object]], repeats: int, device: torch.device
) -> dict[str, float]:
    """Median seconds of each, after a warm-up call.

    They take turns, so that other work on the machine slows all of them equally.
    """
    for work in works.values():
        seconds(work, device)
    rounds = [{name: seconds(work, device) for name, work in works.items()} for _ in range(repeats)]
    return {name: statistics.median(times[name] for times in rounds) for name in works}


def peak_memory(build: Callable[..., Callable[[], object]], *args: object) -> int | None:
    """The most bytes that `build(*args)()` takes, in a new process.

    On a GPU these are what PyTorch allocates; on a CPU the resident memory, less that before
    `build`, or None without Linux's /proc.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak_here, (torch.get_num_threads(), build, *args))


def _peak_here(
    threads: int, build: Callable[..., Callable[[], object]], *args: object
) -> int | None:
    torch.set_num_threads(threads)
    before = resident("VmRSS")
    build(*args)()
    if torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated()
    peak = resident("VmHWM")
    return peak - before if peak is not None and before is not None else None
