"""Long runs: does anything grow, and is a sweep whose runs are killed at random complete and right?

    python -m benchmarks.soak --minutes 5 --jobs 200        (make soak MINUTES=5 JOBS=200)

First PromptSRC trains on the embedded dataset for so many minutes, with loading processes, a checkpoint an epoch and the state every
second; resident memory, open files, threads and processes are counted after each epoch. Then a sweep of so many short runs works while
a random one gets SIGKILL or SIGTERM every few seconds, and some of its prompts are compared with those of runs left alone.
Exit code 1 where something grew, or a run is missing or other.
"""

import argparse
import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from dassl.engine import build_trainer
from dassl.utils import set_random_seed
from dassl.utils.signals import Stopped

import runs.embedded as base2new
from benchmarks.measure import GIB
from promptsrc.checkpoint import find, read_checkpoint
from runs.arguments import parse_args, setup_config

COUNTED = ("resident GiB", "open files", "threads", "processes")
GROWTH = 1.02  # of the resident memory from the second quarter of the time to the last
KILLED_EVERY = (3.0, 12.0)  # seconds, drawn between


def counts() -> tuple[float, int, int, int]:
    """COUNTED of this process, its children among the last."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return (
        int(status["VmRSS"].split()[0]) * 1024 / GIB,
        len(os.listdir("/proc/self/fd")),
        int(status["Threads"]),
        len(children),
    )


def train_for(minutes: float, folder: Path) -> tuple[int, list[tuple]]:
    """Steps done, and the counts after each epoch."""
    words = ["--trainer", "PromptSRC", "--output-dir", str(folder), "OPTIM.MAX_EPOCH", "100000"]
    words += [
        "TRAIN.CHECKPOINT_MINUTES",
        "0.02",
        "DATALOADER.NUM_WORKERS",
        "2",
        "DATASET.SUBSAMPLE_CLASSES",
        "base",
    ]
    args = base2new.with_defaults(parse_args(words))
    trainer, rows, end = build_trainer(setup_config(args)), [], time.monotonic() + 60 * minutes
    after_epoch = trainer.after_epoch

    def after_and_count() -> None:
        after_epoch()
        rows.append(counts())
        if time.monotonic() > end:
            os.kill(os.getpid(), signal.SIGTERM)

    trainer.after_epoch = after_and_count
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            trainer.train()
    except Stopped:
        return len(rows) * trainer.num_batches, rows
    raise RuntimeError("the training was over before its time")


def grown(rows: Sequence[tuple]) -> list[str]:
    """What is more in the last quarter than in the second, by its medians; the first warms up."""
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
    words = [
        "few-shot",
        "--root",
        str(base2new.ROOT),
        "--output",
        str(folder),
        "--datasets",
        base2new.DATASET.stem,
    ]
    words += [
        "--configs",
        base2new.BACKBONE,
        "--shots",
        "1",
        "--workers",
        str(workers),
        "--seeds",
        *map(str, seeds),
    ]
    pairs = [
        "OPTIM.MAX_EPOCH",
        "3",
        "DATALOADER.NUM_WORKERS",
        "0",
        "TRAIN.CHECKPOINT_MINUTES",
        "0.001",
    ]
    return [sys.executable, "-m", "sweep", *words, "--set", *pairs]


def kill_at_random(sweep: subprocess.Popen, rng: random.Random) -> int:
    """Until the sweep ends, SIGKILL or SIGTERM to one of its runs every few seconds; how many."""
    killed = 0
    while True:
        try:
            sweep.wait(rng.uniform(*KILLED_EVERY))
            return killed
        except subprocess.TimeoutExpired:
            children = Path(f"/proc/{sweep.pid}/task/{sweep.pid}/children").read_text().split()
            if children:
                os.kill(int(rng.choice(children)), rng.choice((signal.SIGKILL, signal.SIGTERM)))
                killed += 1


def prompts(folder: Path, seed: int) -> dict[str, torch.Tensor]:
    [pointer] = folder.glob(f"**/seed{seed}/*/checkpoint")
    return read_checkpoint(find(pointer.parents[1]))["state_dict"]


def sweep_under_fire(jobs: int, compared: int, workers: int, folder: Path) -> tuple[int, list[str]]:
    """How many runs were killed, and what is wrong in the end."""
    rng, seeds = random.Random(0), list(range(1, jobs + 1))
    log = folder / "sweep.txt"
    with log.open("w") as file:
        sweep = subprocess.Popen(
            sweep_command(folder / "fire", seeds, workers), stdout=file, stderr=file
        )
        killed = kill_at_random(sweep, rng)
    if sweep.returncode:
        return killed, [
            f"the sweep ended with {sweep.returncode}: {' '.join(log.read_text().split()[-40:])}"
        ]
    sample = rng.sample(seeds, min(compared, jobs))
    subprocess.run(
        sweep_command(folder / "peace", sample, workers), check=True, stdout=subprocess.DEVNULL
    )
    wrong = []
    for seed in sample:
        ours, alone = prompts(folder / "fire", seed), prompts(folder / "peace", seed)
        if not all(torch.equal(ours[name], alone[name]) for name in alone):
            wrong.append(f"seed {seed} has other prompts than a run left alone")
    return killed, wrong


def main(argv: Sequence[str] | None = None) -> int:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--minutes", type=float, default=5, help="of training; 0: none")
    flags.add_argument("--jobs", type=int, default=200, help="runs of the sweep; 0: none")
    flags.add_argument("--compared", type=int, default=10, help="of these runs")
    flags.add_argument("--workers", type=int, default=2, help="runs at once")
    args = flags.parse_args(argv)
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        if args.minutes:
            set_random_seed(1)
            steps, rows = train_for(args.minutes, Path(folder) / "long")
            problems += grown(rows)
            print(f"{steps} steps, {len(rows)} epochs; {', '.join(COUNTED)}")
            for name, row in (
                ("after the first epoch", rows[0]),
                ("at half", rows[len(rows) // 2]),
                ("at the end", rows[-1]),
            ):
                print(f"    {name:22} {row[0]:.3f} {row[1]:4} {row[2]:4} {row[3]:4}")
        if args.jobs:
            started = time.monotonic()
            killed, wrong = sweep_under_fire(args.jobs, args.compared, args.workers, Path(folder))
            problems += wrong
            seconds = time.monotonic() - started
            print(
                f"{args.jobs} runs, {killed} signals sent to them, {min(args.compared, args.jobs)} compared, {seconds:.0f} s"
            )
    print(
        "\n".join(f"wrong: {problem}" for problem in problems)
        or "nothing grew, nothing is missing, nothing is other"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
