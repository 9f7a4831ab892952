"""Seconds and bytes."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

GIB = 2**30


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """What one call takes, the device's work included.

    On one thread of a CPU (OMP_NUM_THREADS=1) the time that the process has the CPU counts, whatever else the machine does.
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
    """Median seconds of each, after a call to warm up; they take turns, so that what else the machine does hits all alike."""
    for work in works.values():
        seconds(work, device)
    rounds = [{name: seconds(work, device) for name, work in works.items()} for _ in range(repeats)]
    return {name: statistics.median(times[name] for times in rounds) for name in works}


def peak_memory(build: Callable[..., Callable[[], object]], *args: object) -> int | None:
    """Most bytes that `build(*args)` and the call of what it returns take, in a process of their own.

    On a GPU what torch allocates there; else the process's resident memory, less what it has before `build`. None where the
    system does not tell (it is Linux's /proc).
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak_here, (torch.get_num_threads(), build, *args))


def _peak_here(
    threads: int, build: Callable[..., Callable[[], object]], *args: object
) -> int | None:
    torch.set_num_threads(threads)
    before = _resident("VmRSS")
    build(*args)()
    if torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated()
    peak = _resident("VmHWM")
    return peak - before if peak is not None and before is not None else None


def _resident(field: str) -> int | None:
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    lines = [line for line in status.read_text().splitlines() if line.startswith(field)]
    return int(lines[0].split()[1]) * 1024 if lines else None
