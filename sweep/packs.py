"""Which runs of a sweep start together: those whose command lines differ in the seed alone.

train.py --output-dir X/seed1 --seed 1 ...
train.py --output-dir X/seed2 --seed 2 ...  ->  train.py --output-dir X --seeds 1 2 ...
"""

from collections.abc import Iterator, Sequence

from runs.job import Job, train_command

Pack = tuple[Job, ...]  # of one run, or of several

AUTO = 8  # runs; texts are encoded in parts if they do not fit into memory at once
FOLDERS = ("--output-dir", "--model-dir")


def packs(jobs: Sequence[Job], most: int) -> list[Pack]:
    """The jobs in packs of at most `most`, in the order of their first ones."""
    groups: dict[tuple[str, ...], list[Job]] = {}
    for job in jobs:
        groups.setdefault(_without_seed(job.words), []).append(job)
    return [
        tuple(group[i : i + most]) for group in groups.values() for i in range(0, len(group), most)
    ]


def command(pack: Pack) -> list[str]:
    """What starts the runs of a pack in one process."""
    first, *others = pack
    if not others:
        return first.command
    words = list(_without_seed(first.words))
    at = words.index("--seeds") + 1
    return train_command([*words[:at], *(_seed(job.words) for job in pack), *words[at:]])


def _seed(words: Sequence[str]) -> str:
    return words[words.index("--seed") + 1] if "--seed" in words else ""


def _without_seed(words: tuple[str, ...]) -> tuple[str, ...]:
    """Equal for jobs that can start together; the words themselves where a folder has no seed."""
    seed = _seed(words)
    folders = [words[words.index(flag) + 1] for flag in FOLDERS if flag in words]
    if not seed or not all(folder.endswith(f"/seed{seed}") for folder in folders):
        return words
    return tuple(_shared(words, seed))


def _shared(words: Sequence[str], seed: str) -> Iterator[str]:
    for before, word in zip(("", *words), words, strict=False):
        if word == "--seed":
            yield "--seeds"
        elif before in FOLDERS:
            yield word.removesuffix(f"/seed{seed}")
        elif before != "--seed":
            yield word
