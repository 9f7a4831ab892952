"""One command line for several runs, as a pack: `train.py --seeds 1 2 3`, or `--run` before each.

Each is the run that it is alone, in its own folder; the terminal shows its lines after its name. A
pack that was stopped or killed resumes with the same command.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from promptsrc.command import FAILED, checking_the_command
from runs.arguments import parse_args, setup_config, without_runs, without_seeds
from runs.run import RESUMABLE
from runs.terminal import Labelled

Main = Callable[[Sequence[str]], int]  # runs a command line, returns its exit code

OWN = {"SEED": "--seeds", "OUTPUT_DIR": "--output-dir", "MODEL_DIR": "--model-dir"}
OF_THE_PROCESS = ("DETERMINISTIC", "USE_CUDA")


def run_pack(words: Sequence[str], main: Main) -> int:
    """Run a command line of train.py once for each of its runs, together.

    Returns:
        0: all are done. 1: some failed. 75: some were stopped.

    Raises:
        InvalidCommand: the command line is invalid, or the runs do not go together.
    """
    with checking_the_command():
        lines = lines_of(words)
    from trainers.pack import Pack  # imports PyTorch

    works = {name: _work(name, line, main) for name, line in lines.items()}
    codes = {RESUMABLE if code is None else code for code in Pack(works).run().values()}
    return FAILED if FAILED in codes else max(codes)


def lines_of(words: Sequence[str]) -> dict[str, list[str]]:
    """The command line of each run, by its name.

    Raises:
        ValueError, OSError: train.py will refuse it, or the runs do not go together.
    """
    shared, runs = without_runs(words)
    return _of_runs(shared, runs) if runs else _of_seeds(*without_seeds(words))


def _of_runs(shared: Sequence[str], runs: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """Each line has the shared flags, then those of the run; pairs likewise.

    Raises:
        ValueError: two runs have one folder, or differ in what a process has one of.
    """
    lines = [_joined(shared, run) for run in runs]
    configs = [setup_config(parse_args(line)) for line in lines]
    folders = [cfg.OUTPUT_DIR for cfg in configs]
    if len({*map(os.path.realpath, folders)}) < len(folders):
        shown = ", ".join(folders)
        raise ValueError(f"runs have folders {shown}; give each --run an --output-dir of its own")
    for key in OF_THE_PROCESS:
        if len({cfg[key] for cfg in configs}) > 1:
            raise ValueError(f"{key} differs between runs that share a process; set it once")
    return dict(zip(names_of(folders), lines, strict=True))


def _joined(shared: Sequence[str], own: Sequence[str]) -> list[str]:
    parts = [(words, len(words) - len(parse_args(words).opts)) for words in (shared, own)]
    flags, pairs = [w[:at] for w, at in parts], [w[at:] for w, at in parts]
    return [word for words in (*flags, *pairs) for word in words]


def names_of(folders: Sequence[str | Path]) -> list[str]:
    """What each run is called: its folder, from the one that all are in."""
    common = os.path.commonpath([os.path.abspath(folder) for folder in folders])
    return [os.path.relpath(folder, common) for folder in folders]


def _of_seeds(shared: Sequence[str], seeds: Sequence[int] | None) -> dict[str, list[str]]:
    """`--output-dir X` becomes X/seed1, ...; `--model-dir` likewise.

    Raises:
        ValueError, OSError: train.py will refuse it, or a pair sets what differs between the runs.
    """
    args = parse_args(shared)
    keys = args.opts[::2]
    for key in keys:
        if key in OWN:
            raise ValueError(f"{key} differs between the runs of --seeds; use {OWN[key]}")
    cfg = setup_config(args)
    folders = {"--model-dir": args.model_dir}
    if cfg.DATASET.NAME or args.eval_only or args.no_train or "DATASET.SUBSAMPLE_CLASSES" in keys:
        folders["--output-dir"] = cfg.OUTPUT_DIR  # else the embedded benchmark names folders
    return {
        f"seed{seed}": _joined(shared, ["--seed", str(seed), *_of_seed(folders, seed)])
        for seed in seeds or ()
    }


def _of_seed(folders: Mapping[str, str], seed: int) -> Iterator[str]:
    for flag, folder in folders.items():
        if folder:
            yield from (flag, str(Path(folder, f"seed{seed}")))


def _work(name: str, line: Sequence[str], main: Main) -> Callable[[], int]:
    def work() -> int:
        sys.stdout, sys.stderr = Labelled(name, sys.stdout), Labelled(name, sys.stderr)
        return main(line)

    return work
