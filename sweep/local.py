"""Run jobs on this machine, several at a time, each once the run it needs is finished.

Jobs start in packs, each a process; a pack of one is a run alone.
"""

import os
import signal
import subprocess
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from promptsrc.escape import printable
from runs.job import Job
from runs.pack import names_of
from runs.run import RESUMABLE
from sweep.packs import Pack, command, packs

CONSOLE = "console.txt"  # all that a run prints, in its folder; its log.txt has no errors
LAST_LINES = 8  # of it that are shown after a failure
PATIENCE = 30.0  # seconds for a run to finish its step and save when we are stopped
TRIES = 10  # of a run that signals end again and again


@dataclass
class Progress:
    """How many jobs are done, and how long the rest will take."""

    total: int
    workers: int
    finished: int = 0
    seconds: dict[tuple[str, ...], list[float]] = field(default_factory=dict)  # by end_signals

    def note(self, job: Job, seconds: float) -> None:
        self.finished += 1
        self.seconds.setdefault(job.end_signals, []).append(seconds)

    def left(self, jobs: Sequence[Job]) -> float:
        """Seconds for these jobs: each takes the mean of trainings, or of tests, or of all."""
        every = [s for seconds in self.seconds.values() for s in seconds]
        kinds = [self.seconds.get(job.end_signals, every) for job in jobs]
        return sum(sum(kind) / len(kind) for kind in kinds if kind) / self.workers


class Running(NamedTuple):
    process: subprocess.Popen
    started: float
    environment: dict[str, str]


def run(
    jobs: Sequence[Job], environments: Sequence[dict[str, str]], done: int = 0, most: int = 1
) -> dict[Job, str]:
    """Run the jobs, one pack at a time in each environment; the reasons of failures.

    A run that a signal ended (preemption, out of memory) resumes. Other failures are not retried,
    and jobs that need a failed one are skipped. If this process is interrupted, it stops its runs;
    the next call resumes them.

    Args:
        environments: the environment variables of each worker.
        done: jobs that were finished before.
        most: runs of a pack.
    """
    waiting, free = deque(packs(jobs, most)), deque(environments)
    running: dict[Pack, Running] = {}
    failed: dict[Job, str] = {}
    tries: Counter[Job] = Counter()
    progress = Progress(done + len(jobs), len(environments), done)
    with stopped_on_exit(running):
        while waiting or running:
            for pack in _startable(waiting, running, failed, len(free)):
                environment = free.popleft()
                running[pack] = Running(start(pack, environment), time.monotonic(), environment)
            for pack in [pack for pack, run in running.items() if run.process.poll() is not None]:
                process, started, environment = running.pop(pack)
                free.append(environment)
                tries.update(pack)
                if _ended_by_signal(process.returncode) and tries[pack[0]] < TRIES:
                    left = tuple(job for job in pack if job.accuracy() is None) or pack
                    waiting.appendleft(left)
                    print(f"ended by a signal, resumes: {left[0].folder}", flush=True)
                    continue
                for job in pack:
                    progress.note(job, (time.monotonic() - started) / len(pack))
                    if reason := _failure(job, process.returncode, len(pack) == 1):
                        failed[job] = reason
                    rest = [job for pack in (*waiting, *running) for job in pack]
                    _print_result(progress, job, pack, reason, rest)
            time.sleep(0.05)
    return failed


def _startable(
    waiting: deque[Pack], running: Iterable[Pack], failed: dict[Job, str], count: int
) -> list[Pack]:
    """Take up to `count` packs that can start; jobs that need a failed one are failures, too."""
    chosen: list[Pack] = []
    for pack in list(waiting):
        for job in pack:
            if job.needs in failed and job not in failed:
                failed[job] = f"skipped: it needs {job.needs.folder}"
                print(f"{job.folder}: {failed[job]}", flush=True)
        unfinished = {job for others in (*waiting, *running, *chosen) for job in others}
        here = tuple(job for job in pack if job not in failed)
        if not here:
            waiting.remove(pack)
        elif len(chosen) < count and not any(job.needs in unfinished for job in here):
            waiting.remove(pack)
            chosen.append(here)
    return chosen


def start(pack: Pack, environment: dict[str, str]) -> subprocess.Popen:
    """Start a pack in a session of its own, so that Ctrl-C reaches it only through us."""
    for job in pack:
        job.folder.mkdir(parents=True, exist_ok=True)
    with (pack[0].folder / CONSOLE).open("w") as console:
        return subprocess.Popen(
            command(pack),
            env=os.environ | environment,
            stdout=console,
            stderr=console,
            start_new_session=True,
        )


@contextmanager
def stopped_on_exit(running: Mapping[Pack, Running]) -> Iterator[None]:
    """However the block ends, stop the jobs, with all their processes."""
    try:
        yield
    finally:
        processes = [run.process for run in running.values()]
        _stop(processes)
        deadline = time.monotonic() + PATIENCE
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        _stop(processes, kill=True)


def _stop(processes: Iterable[subprocess.Popen], kill: bool = False) -> None:
    for process in processes:
        if process.poll() is not None:
            continue
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)
        else:  # Windows
            process.terminate()


def _ended_by_signal(code: int) -> bool:
    return code < 0 or code == RESUMABLE


def _failure(job: Job, code: int, alone: bool) -> str:
    if code and (alone or not job.is_finished()):  # a pack fails if one of its runs does
        return f"exit code {code}"
    return "" if job.accuracy() is not None else "it ended without a result"


def _print_result(
    progress: Progress, job: Job, pack: Pack, failure: str, rest: Sequence[Job]
) -> None:
    result = f"FAILED ({failure})" if failure else f"{job.result():.1f}%"
    left = timedelta(seconds=round(progress.left(rest)))
    done = f"[{progress.finished}/{progress.total}]"
    print(f"{done} {result}  {job.folder}  about {left} left", flush=True)
    for line in last_lines(job, pack) if failure else ():
        print(f"    {line}", flush=True)


def last_lines(job: Job, pack: Pack) -> list[str]:
    """What a run has printed last; in a pack its lines begin with its name."""
    console = pack[0].folder / CONSOLE
    lines = console.read_text(encoding="utf-8", errors="replace").splitlines()
    if len(pack) > 1:
        name = dict(zip(pack, names_of([each.folder for each in pack]), strict=True))[job]
        lines = [line for line in lines if line.startswith(f"{name} ")]
    return list(map(printable, lines[-LAST_LINES:]))
