"""One command line with several seeds, as a pack: `train.py --seeds 1 2 3`.

Each seed is the run that it is alone, in its own folder; the terminal shows its lines after its
name. A pack that was stopped or killed resumes with the same command.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from promptsrc.command import FAILED, checking_the_command
from runs.arguments import parse_args, setup_config, without_seeds
from runs.run import RESUMABLE
from runs.terminal import Labelled

Main = Callable[[Sequence[str]], int]  # runs a command line, returns its exit code

OWN = {"SEED": "--seeds", "OUTPUT_DIR": "--output-dir", "MODEL_DIR": "--model-dir"}


def run_seeds(words: Sequence[str], main: Main) -> int:
    """Run a command line of train.py once for each of its seeds, together.

    Returns:
        0: all are done. 1: some failed. 75: some were stopped.

    Raises:
        InvalidCommand: the command line is invalid, or a pair sets what differs between the runs.
    """
    with checking_the_command():
        lines = lines_of(words)
    from trainers.pack import Pack  # imports PyTorch

    works = {f"seed{seed}": _work(f"seed{seed}", line, main) for seed, line in lines.items()}
    codes = {RESUMABLE if code is None else code for code in Pack(works).run().values()}
    return FAILED if FAILED in codes else max(codes)


def lines_of(words: Sequence[str]) -> dict[int, list[str]]:
    """The command line of each seed: `--output-dir X` becomes X/seed1, `--model-dir` likewise.

    Raises:
        ValueError, OSError: train.py will refuse it, or a pair sets what differs between the runs.
    """
    shared, seeds = without_seeds(words)
    args = parse_args(shared)
    keys = args.opts[::2]
    for key in keys:
        if key in OWN:
            raise ValueError(f"{key} differs between the runs of --seeds; use {OWN[key]}")
    cfg, flags = setup_config(args), shared[: len(shared) - len(args.opts)]
    folders = {"--model-dir": args.model_dir}
    if cfg.DATASET.NAME or args.eval_only or args.no_train or "DATASET.SUBSAMPLE_CLASSES" in keys:
        folders["--output-dir"] = cfg.OUTPUT_DIR  # else the embedded benchmark names folders
    return {
        seed: [*flags, "--seed", str(seed), *_of_seed(folders, seed), *args.opts]
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
