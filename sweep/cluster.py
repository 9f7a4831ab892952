"""The same jobs on a Slurm cluster, through submitit (pip install '.[slurm]').

A chain is a run and those that need it. Chains are the elements of one array, so what is needed comes first; an element that is
preempted, or out of time, is queued again and goes on where its runs have stopped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import submitit

from runs.protocols import Job
from sweep import local

LOGS = "slurm"  # below the output folder


@dataclass
class Chain:
    """What one element of the array does; called again, it leaves out what is finished."""

    jobs: list[Job]

    def __call__(self) -> dict[str, str]:
        """What failed, and why, by folder."""
        todo = [job for job in self.jobs if not job.is_finished()]
        failed = local.run(todo, [{}], len(self.jobs) - len(todo))
        return {str(job.folder): why for job, why in failed.items()}

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        """What submitit queues when the element is preempted; the runs' own checkpoints hold their state."""
        return submitit.helpers.DelayedSubmission(self)


def chains(jobs: Sequence[Job]) -> list[Chain]:
    """Jobs by what they need in the end, each behind its need."""
    by_root: dict[Job, list[Job]] = {}
    for job in jobs:
        root = job
        while root.needs in jobs:
            root = root.needs
        by_root.setdefault(root, []).append(job)
    return [Chain(list(chain)) for chain in by_root.values()]


def run(
    jobs: Sequence[Job], output: Path, cluster: str, limit: int | None, options: Mapping[str, Any]
) -> dict[str, str]:
    """Submit the jobs as one array and wait for it; what failed, and why, by folder.

    Args:
        cluster: `slurm`, or `local` for processes of submitit's own on this machine.
        limit: elements that run at once.
        options: what submitit's executor takes, such as `timeout_min` and `slurm_partition`.

    Raises:
        ValueError: submitit does not take them, or `output` has a line break.
    """
    if "\n" in str(output):  # submitit writes it into a script
        raise ValueError(f"--output is {str(output)!r}, which has a line break; use another folder")
    executor = submitit.AutoExecutor(output / LOGS, cluster=cluster)
    limits = {"slurm_array_parallelism": limit} if limit else {}
    try:
        executor.update_parameters(name="sweep", **limits, **options)
    except (NameError, TypeError) as error:  # what submitit raises
        raise ValueError(f"--cluster-options: {error}") from None
    todo = chains(jobs)
    with executor.batch():
        elements = [executor.submit(chain) for chain in todo]
    print(
        f"{len(elements)} elements of job {elements[0].job_id.split('_')[0]}; logs are in {output / LOGS}",
        flush=True,
    )
    failed: dict[str, str] = {}
    for number, (chain, element) in enumerate(zip(todo, elements, strict=True), 1):
        failures = _outcome(chain, element)
        failed |= failures
        print(
            f"[{number}/{len(elements)}] {'FAILED' if failures else 'done'}  {chain.jobs[0].folder}",
            flush=True,
        )
    return failed


def _outcome(chain: Chain, element: submitit.Job) -> dict[str, str]:
    """Wait for an element; what of it failed."""
    try:
        return element.result()
    except (submitit.core.utils.UncompletedJobError, submitit.core.utils.FailedJobError):
        why = f"its element of the array failed; see {element.paths.stderr}"
        return {str(job.folder): why for job in chain.jobs if job.accuracy() is None}
