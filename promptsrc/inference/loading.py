"""Image files are decoded by processes beside this one, in the order of the files.

A GPU classifies more images a second than one process decodes. The processes are started afresh
("spawn"), since one that uses a GPU cannot be forked, and import neither PyTorch nor a CLIP. Each
decodes one image at a time; at most AHEAD squares of each wait to be asked for.
"""

import logging
import os
import signal
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from promptsrc.inference.square import read_square

MOST = 16  # processes
AHEAD = 4
WORTH_IT = 64  # files; the start of the processes takes a second


def processes_for(device: str, files: int) -> int:
    """How many processes decode this many files; 0: this one does it.

    Args:
        device: cpu or cuda. A CPU that computes has no cores to spare.
    """
    if device == "cpu" or files < WORTH_IT:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, MOST)


def squares(
    paths: Iterable[Path], processes: int, size: int, interpolation: str, read_as: str
) -> Iterator[tuple[Path, np.ndarray | OSError]]:
    """Each path with its square, or with why it can't be read (`read_square`).

    If the system kills a process, this one decodes what is left.
    """
    remaining, waiting = iter(paths), deque[tuple[Path, Future]]()
    arguments = size, interpolation, read_as
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _start)

    def submitted(path: Path) -> Future:
        try:
            return pool.submit(read_square, path, *arguments)
        except BrokenProcessPool as error:
            failed: Future = Future()
            failed.set_exception(error)
            return failed

    try:
        while True:
            for path in islice(remaining, processes * AHEAD - len(waiting)):
                waiting.append((path, submitted(path)))
            if not waiting:
                return
            path, future = waiting.popleft()
            try:
                found = future.result()
            except BrokenProcessPool:
                found = read_square(path, *arguments)
            yield path, found
    finally:
        pool.shutdown(cancel_futures=True)


def _start() -> None:
    """Of a process: Ctrl-C ends the main one, and libraries print nothing among the results."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
