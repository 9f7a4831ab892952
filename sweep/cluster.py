"""Run jobs on a Slurm cluster, through submitit (pip install '.[slurm]').

A chain is a run and those that need it. The chains are the elements of one array. An element that
is preempted or runs out of time is queued again, and resumes its runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import submitit

from runs.job import Job
from sweep import local, memory
from sweep.packs import AUTO, Pack, packs

LOGS = "slurm"  # in the output folder


@dataclass
class Chain:
    """One element of the array; called again, it skips finished runs."""

    jobs: list[Job]
    most: int = 1  # runs of a pack, or AUTO

    def __call__(self) -> dict[str, str]:
        """The reasons of failures by folder."""
        todo = [job for job in self.jobs if not job.is_finished()]
        most = self.most
        if most == AUTO and todo:
            most, why = memory.most(todo, [{}])
            print(why, flush=True)
        failed = local.run(todo, [{}], len(self.jobs) - len(todo), most)
        return {str(job.folder): reason for job, reason in failed.items()}

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        """What submitit queues after a preemption: the same, since runs have checkpoints."""
        return submitit.helpers.DelayedSubmission(self)


def chains(jobs: Sequence[Job], most: int = 1) -> list[Chain]:
    """One chain for each pack that needs none of the others; those that need it follow."""
    pack_of = {job: pack for pack in packs(jobs, most or memory.MOST) for job in pack}
    by_first: dict[Pack, list[Job]] = {}
    for job in jobs:
        first = job
        while first.needs is not None and first.needs in jobs:
            first = first.needs
        by_first.setdefault(pack_of[first], []).append(job)
    return [Chain(chain, most) for chain in by_first.values()]


def run(
    jobs: Sequence[Job],
    output: Path,
    cluster: str,
    limit: int | None,
    options: Mapping[str, Any],
    most: int = 1,
) -> dict[str, str]:
    """Submit the jobs as one array and wait for it; the reasons of failures by folder.

    Args:
        cluster: `slurm`, or `local` for processes of submitit's on this machine.
        limit: elements that run at a time.
        options: of submitit's executor, such as `timeout_min` and `slurm_partition`.
        most: runs of a pack, or AUTO.

    Raises:
        ValueError: submitit refuses an option, or `output` has a line break.
    """
    if "\n" in str(output):  # submitit writes it into a script
        raise ValueError(f"--output is {str(output)!r}, which has a line break; use another folder")
    executor = submitit.AutoExecutor(output / LOGS, cluster=cluster)
    limits = {"slurm_array_parallelism": limit} if limit else {}
    try:
        executor.update_parameters(name="sweep", **limits, **options)
    except (NameError, TypeError) as error:  # how submitit refuses one
        raise ValueError(f"--cluster-options: {error}") from None
    todo = chains(jobs, most)
    with executor.batch():
        elements = [executor.submit(chain) for chain in todo]
    array = elements[0].job_id.split("_")[0]
    print(f"{len(elements)} elements of job {array}; logs are in {output / LOGS}", flush=True)
    failed: dict[str, str] = {}
    for number, (chain, element) in enumerate(zip(todo, elements, strict=True), 1):
        failures = _wait_for(element, chain)
        failed |= failures
        result = "FAILED" if failures else "done"
        print(f"[{number}/{len(elements)}] {result}  {chain.jobs[0].folder}", flush=True)
    return failed


def _wait_for(element: submitit.Job, chain: Chain) -> dict[str, str]:
    """The reasons of failures by folder, when the element has ended."""
    try:
        return element.result()
    except (submitit.core.utils.UncompletedJobError, submitit.core.utils.FailedJobError):
        reason = f"its element of the array failed; see {element.paths.stderr}"
        return {str(job.folder): reason for job in chain.jobs if job.accuracy() is None}
