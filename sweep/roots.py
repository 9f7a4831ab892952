"""Whether the datasets of planned runs are in their root, said before any run starts."""

import sys
from collections.abc import Iterable
from pathlib import Path

from datasets import OWN
from datasets.check.published import PUBLISHED
from promptsrc.command import InvalidCommand
from runs.job import Job
from runs.saved_config import flat
from runs.yaml_file import read_yaml


def check(jobs: Iterable[Job], root: Path) -> None:
    """Say which datasets are not there.

    Raises:
        InvalidCommand: none of them is.
    """
    files = dict.fromkeys(job.args.dataset_config_file for job in jobs)
    folders = dict.fromkeys(folder for file in files if (folder := folder_of(Path(file))))
    here = [f"{folder}/" for folder in folders if (root / folder).exists()]
    absent = [f"{folder}/" for folder in folders if f"{folder}/" not in here]
    if not absent:
        return
    line = (
        f"{len(here)} of {len(folders)} datasets are here{', '.join(['', *here])}; {root} has no "
        f"{', '.join(absent)}; `python -m datasets.check {root}` says what belongs where"
    )
    if not here:
        raise InvalidCommand(line)
    print(line, file=sys.stderr)


def folder_of(file: Path) -> str:
    """The folder in the root that a file of configs/datasets reads; empty if that is unknown."""
    keys = flat(read_yaml(file))
    name = str(keys.get("DATASET.NAME"))
    if name in OWN:
        return str(keys.get("DATASET.FOLDER", ""))
    return PUBLISHED[name].folder if name in PUBLISHED else ""
