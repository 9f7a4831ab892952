"""Which runs of a sweep start together: those whose steps have the same sizes.

train.py FLAGS --output-dir X/seed1 --seed 1 PAIRS
train.py FLAGS --output-dir X/seed2 --seed 2 PAIRS
train.py FLAGS --output-dir Y/seed1 --seed 1 PAIRS KEY VALUE

train.py FLAGS PAIRS --run --output-dir X/seed1 --seed 1
                     --run --output-dir X/seed2 --seed 2
                     --run --output-dir Y/seed1 --seed 1 KEY VALUE
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from runs.arguments import parse_args
from runs.job import Job, train_command

Pack = tuple[Job, ...]  # of one run, or of several

AUTO = 0  # in the place of a number of runs: as many as fit (sweep/memory.py)
OWN = ("--output-dir", "--model-dir", "--seed")
TOGETHER = re.compile(  # keys in which the runs of a pack may differ
    r"OPTIM\.(?!MAX_EPOCH$)\w+|(LOSS|REGULATION)\.\w+"
    r"|TRAINER\.\w+\.(CTX_INIT|W|ALPHA|BETA|GPA_\w+|\w*WEIGHT)"
)


class Words(NamedTuple):
    """A command line, taken apart."""

    flags: list[str]
    own: list[str]  # flags of each run
    pairs: dict[str, str]

    @property
    def kind(self) -> tuple:
        """Equal for runs that can start together."""
        pairs = ((k, "" if TOGETHER.fullmatch(k) else v) for k, v in sorted(self.pairs.items()))
        return (*self.flags, *pairs)


def packs(jobs: Sequence[Job], most: int) -> list[Pack]:
    """The jobs in packs of at most `most`, in the order of their first ones."""
    groups: dict[tuple, list[Job]] = {}
    for job in jobs:
        alone = most == 1 or "--seed" not in job.words  # zero-shot CLIP
        groups.setdefault(job.words if alone else _apart(job.words).kind, []).append(job)
    return [
        tuple(group[i : i + most]) for group in groups.values() for i in range(0, len(group), most)
    ]


def command(pack: Pack) -> list[str]:
    """What starts the runs of a pack in one process."""
    first, *others = pack
    if not others:
        return first.command
    runs = [_apart(job.words) for job in pack]
    shared = {k: v for k, v in runs[0].pairs.items() if all(run.pairs[k] == v for run in runs)}
    words = [*runs[0].flags, *_typed(shared)]
    for run in runs:
        own = {key: value for key, value in run.pairs.items() if key not in shared}
        words += ["--run", *run.own, *_typed(own)]
    return train_command(words)


def _apart(words: Sequence[str]) -> Words:
    at = len(words) - len(parse_args(words).opts)
    found = Words([], [], dict(zip(words[at::2], words[at + 1 :: 2], strict=True)))
    for before, word in zip(("", *words), words[:at], strict=False):
        (found.own if word in OWN or before in OWN else found.flags).append(word)
    return found


def _typed(pairs: dict[str, str]) -> list[str]:
    return [word for pair in pairs.items() for word in pair]
