"""Long runs: does anything grow? Is a sweep complete and correct if its runs are killed at random?

    python -m benchmarks.soak --minutes 5 --jobs 200        (make soak MINUTES=5 JOBS=200)

First PromptSRC trains on the embedded dataset for some minutes, with loading processes, a
checkpoint every epoch and its state every second. Memory, open files, threads and processes are
counted after each epoch. Then a sweep of many short runs works, while a random one gets SIGKILL or
SIGTERM every few seconds. Some of its prompts are compared with those of undisturbed runs.
Exit code 1: something grew, or a run is missing or differs. Linux only.
"""

import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from dassl.engine import build_trainer
from dassl.utils import set_random_seed
from dassl.utils.signals import Stopped

import runs.embedded as base2new
import runs.register  # noqa: F401
from promptsrc.checkpoint import read_checkpoint
from promptsrc.command import Parser
from promptsrc.run_folder import find
from runs.arguments import parse_args, setup_config
from trainers.memory import GIB

COUNTED = ("resident GiB", "open files", "threads", "processes")
GROWTH = 1.02  # of the resident memory from the second quarter of the time to the last
CONFIG = "vit_t8"  # what the settings for the bundled backbone are called by
FEWEST = 8  # epochs, however long they take: two in each quarter
KILLED_EVERY = (3.0, 12.0)  # seconds, drawn between
SIGNALS = 4  # to a run of the sweep at most: a sweep gives up on a run after ten


def counts() -> tuple[float, int, int, int]:
    """The values of COUNTED for this process; `processes` are its children."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return (
        int(status["VmRSS"].split()[0]) * 1024 / GIB,
        len(os.listdir("/proc/self/fd")),
        int(status["Threads"]),
        len(children),
    )


def train_for(minutes: float, folder: Path) -> tuple[int, list[tuple]]:
    """The number of steps, and the counts after each epoch."""
    words = ["--trainer", "PromptSRC", "--output-dir", str(folder), "OPTIM.MAX_EPOCH", "100000"]
    words += ["TRAIN.CHECKPOINT_MINUTES", "0.02", "DATALOADER.NUM_WORKERS", "2"]
    words += ["DATASET.SUBSAMPLE_CLASSES", "base"]
    args = base2new.with_defaults(parse_args(words))
    trainer, rows, end = build_trainer(setup_config(args)), [], time.monotonic() + 60 * minutes
    after_epoch = trainer.after_epoch

    def after_and_count() -> None:
        after_epoch()
        rows.append(counts())
        if time.monotonic() > end and len(rows) >= FEWEST:
            os.kill(os.getpid(), signal.SIGTERM)

    trainer.after_epoch = after_and_count
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            trainer.train()
    except Stopped:
        return len(rows) * trainer.num_batches, rows
    raise RuntimeError("the training ended too early")


def grown(rows: Sequence[tuple]) -> list[str]:
    """What grew from the second quarter to the last, by medians; the first quarter warms up."""
    quarter = len(rows) // 4
    early, late = (
        [statistics.median(column) for column in zip(*part, strict=True)]
        for part in (rows[quarter : 2 * quarter], rows[3 * quarter :])
    )
    limits = (GROWTH, 1, 1, 1)
    return [
        f"{name} from {before:.4g} to {after:.4g}"
        for name, before, after, limit in zip(COUNTED, early, late, limits, strict=True)
        if after > limit * before
    ]


def sweep_command(folder: Path, seeds: Sequence[int], workers: int) -> list[str]:
    """A sweep of one short run per seed."""
    words = ["few-shot", "--root", str(base2new.DATA), "--output", str(folder), "--shots", "1"]
    words += ["--datasets", base2new.DATASET, "--configs", CONFIG]
    words += ["--workers", str(workers), "--seeds", *map(str, seeds)]
    pairs = ["OPTIM.MAX_EPOCH", "3", "DATALOADER.NUM_WORKERS", "0"]
    pairs += ["TRAIN.CHECKPOINT_MINUTES", "0.001"]
    return [sys.executable, "-m", "sweep", *words, "--set", *pairs]


def kill_at_random(sweep: subprocess.Popen, rng: random.Random) -> int:
    """Kill one of the sweep's runs every few seconds, each SIGNALS times at most; how often."""
    killed: Counter[bytes] = Counter()  # by command line
    while True:
        try:
            sweep.wait(rng.uniform(*KILLED_EVERY))
            return killed.total()
        except subprocess.TimeoutExpired:
            children = Path(f"/proc/{sweep.pid}/task/{sweep.pid}/children").read_text().split()
            runs = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
            if left := [pid for pid, run in runs.items() if run and killed[run] < SIGNALS]:
                pid = rng.choice(left)
                os.kill(int(pid), rng.choice((signal.SIGKILL, signal.SIGTERM)))
                killed[runs[pid]] += 1


def prompts(folder: Path, seed: int) -> dict[str, torch.Tensor]:
    """The prompts of a seed's run."""
    [pointer] = folder.glob(f"**/seed{seed}/*/checkpoint")
    return read_checkpoint(find(pointer.parents[1]))["state_dict"]


def killed_sweep(jobs: int, compared: int, workers: int, folder: Path) -> tuple[int, list[str]]:
    """Run a sweep and kill its runs; the number of signals, and what is wrong in the end."""
    rng, seeds = random.Random(0), list(range(1, jobs + 1))
    log = folder / "sweep.txt"
    with log.open("w") as file:
        command = sweep_command(folder / "killed", seeds, workers)
        sweep = subprocess.Popen(command, stdout=file, stderr=file)
        signals = kill_at_random(sweep, rng)
    if sweep.returncode:
        end = " ".join(log.read_text().split()[-40:])
        return signals, [f"the sweep ended with exit code {sweep.returncode}: {end}"]
    sample = rng.sample(seeds, min(compared, jobs))
    command = sweep_command(folder / "undisturbed", sample, workers)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wrong = []
    for seed in sample:
        ours, theirs = prompts(folder / "killed", seed), prompts(folder / "undisturbed", seed)
        if not all(torch.equal(ours[name], theirs[name]) for name in theirs):
            wrong.append(f"the prompts of seed {seed} differ from those of an undisturbed run")
    return signals, wrong


def main(argv: Sequence[str] | None = None) -> int:
    """Its exit code."""
    flags = Parser(__doc__)
    add = flags.add_argument
    add("--minutes", type=float, default=5, help="minutes of training; 0: none")
    add("--jobs", type=int, default=200, help="number of runs in the sweep; 0: none")
    add("--compared", type=int, default=10, help="number of these runs to compare")
    add("--workers", type=int, default=2, help="runs at once")
    args = flags.parse_args(argv)
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        if args.minutes:
            problems += check_growth(args.minutes, Path(folder) / "long")
        if args.jobs:
            problems += check_sweep(args.jobs, args.compared, args.workers, Path(folder))
    for problem in problems:
        print(f"wrong: {problem}")
    if not problems:
        print("nothing grew, nothing is missing, nothing differs")
    return 1 if problems else 0


def check_growth(minutes: float, folder: Path) -> list[str]:
    """Train and print the counts; what grew."""
    set_random_seed(1)
    steps, rows = train_for(minutes, folder)
    print(f"{steps} steps, {len(rows)} epochs; {', '.join(COUNTED)}")
    for name, row in (
        ("after the first epoch", rows[0]),
        ("at half", rows[len(rows) // 2]),
        ("at the end", rows[-1]),
    ):
        print(f"    {name:22} {row[0]:.3f} {row[1]:4} {row[2]:4} {row[3]:4}")
    return grown(rows)


def check_sweep(jobs: int, compared: int, workers: int, folder: Path) -> list[str]:
    """Run the sweep whose runs are killed, and print its counts; what is wrong."""
    started = time.monotonic()
    signals, wrong = killed_sweep(jobs, compared, workers, folder)
    seconds = time.monotonic() - started
    print(
        f"{jobs} runs, {signals} signals sent to them, {min(compared, jobs)} compared, "
        f"{seconds:.0f} s"
    )
    return wrong


if __name__ == "__main__":
    raise SystemExit(main())
