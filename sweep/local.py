"""Run jobs on this machine, several at once, each when what it needs is finished."""

import contextlib
import os
import signal
import subprocess
import time
from collections import Counter, deque
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from runs.arguments import RESUMABLE
from runs.protocols import Job

CONSOLE = "console.txt"  # what a run printed, in its folder; its log.txt lacks errors
LAST_LINES = 8
PATIENCE = 30.0  # seconds that a run has between SIGTERM and SIGKILL, to finish its step and save
TRIES = 10  # that a run gets which is killed, or stopped by a signal, again and again


@dataclass
class Progress:
    """What is done of how much, and how long the rest will take."""

    total: int
    workers: int
    finished: int = 0
    seconds: dict[tuple[str, ...], list[float]] = field(default_factory=dict)  # of runs by kind

    def note(self, job: Job, seconds: float) -> None:
        self.finished += 1
        self.seconds.setdefault(job.end_signals, []).append(seconds)

    def left(self, jobs: Sequence[Job]) -> float:
        """Seconds that these jobs will take, if each takes the mean of its kind (training, test), or else of all."""
        every = [s for many in self.seconds.values() for s in many]
        kinds = [self.seconds.get(job.end_signals, every) for job in jobs]
        return sum(sum(kind) / len(kind) for kind in kinds if kind) / self.workers


def run(
    jobs: Sequence[Job], environments: Sequence[dict[str, str]], done: int = 0
) -> dict[Job, str]:
    """Run the jobs, one at a time in each environment; what failed, and why. `done` are finished already.

    What a signal ended (preemption, want of memory) goes on where it was; what failed by itself is not tried twice, and a job
    whose need failed is not run. Interrupted, it stops the children, and the next call goes on.
    """
    waiting, running, failed, tries = deque(jobs), {}, {}, Counter()
    progress = Progress(done + len(jobs), len(environments), done)
    free = deque(environments)
    with stopped_on_exit(running):
        while waiting or running:
            for job in _startable(waiting, running, failed, len(free)):
                environment = free.popleft()
                running[job] = (start(job, environment), time.monotonic(), environment)
            for job in [
                job for job, (process, *_) in running.items() if process.poll() is not None
            ]:
                process, started, environment = running.pop(job)
                free.append(environment)
                tries[job] += 1
                if _ended_by_signal(process.returncode) and tries[job] < TRIES:
                    waiting.appendleft(job)
                    print(f"ended by a signal, goes on: {job.folder}", flush=True)
                    continue
                progress.note(job, time.monotonic() - started)
                if why := _failure(job, process.returncode):
                    failed[job] = why
                _tell(progress, job, why, [*waiting, *running])
            time.sleep(0.05)
    return failed


def _startable(
    waiting: deque[Job], running: Container[Job], failed: dict[Job, str], count: int
) -> list[Job]:
    """Take up to `count` jobs that can start; those that never will go to `failed`."""
    chosen = []
    for job in list(waiting):
        if job.needs in failed:
            waiting.remove(job)
            failed[job] = f"not run: it needs {job.needs.folder}"
            print(f"{job.folder}: {failed[job]}", flush=True)
        elif (
            len(chosen) < count
            and job.needs not in waiting
            and job.needs not in running
            and job.needs not in chosen
        ):
            waiting.remove(job)
            chosen.append(job)
    return chosen


def start(job: Job, environment: dict[str, str]) -> subprocess.Popen:
    """A process group of its own, so that Ctrl-C reaches it through us alone, and all its workers with it."""
    job.folder.mkdir(parents=True, exist_ok=True)
    with (job.folder / CONSOLE).open("w") as console:
        return subprocess.Popen(
            job.command,
            env=os.environ | environment,
            stdout=console,
            stderr=console,
            start_new_session=True,
        )


@contextlib.contextmanager
def stopped_on_exit(running: dict[Job, tuple]) -> Iterator[None]:
    """However the block ends, no child outlives it."""
    try:
        yield
    finally:
        processes = [process for process, *_ in running.values()]
        _signal_all(processes, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        _signal_all(processes, signal.SIGKILL)


def _signal_all(processes: Sequence[subprocess.Popen], number: int) -> None:
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, number)


def _ended_by_signal(code: int) -> bool:
    return code < 0 or code == RESUMABLE


def _failure(job: Job, code: int) -> str:
    if code:
        return f"exit code {code}"
    return "" if job.accuracy() is not None else "it ended without a result"


def _tell(progress: Progress, job: Job, why: str, rest: Sequence[Job]) -> None:
    result = f"FAILED ({why})" if why else f"{job.accuracy():.1f}%"
    left = timedelta(seconds=round(progress.left(rest)))
    print(
        f"[{progress.finished}/{progress.total}] {result}  {job.folder}  about {left} left",
        flush=True,
    )
    if why:
        print(
            "".join(f"    {line}\n" for line in last_lines(job.folder / CONSOLE)),
            end="",
            flush=True,
        )


def last_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
