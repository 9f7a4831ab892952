"""Run whole protocols: all trainings and tests of methods x datasets x seeds, then the tables.

    python -m sweep base2new --root DATA                    PromptSRC, eleven datasets, seeds 1 2 3
    python -m sweep few-shot --root DATA --methods PromptSRC CoOp --shots 1 16
    python -m sweep --root DATA --dry-run                   the commands of all four protocols
    python -m sweep base2new --root DATA --cluster slurm --workers 8 \\
        --cluster-options slurm_partition=gpu gpus_per_node=1

Finished runs are not run again and interrupted ones resume: the same command continues a sweep.
Exit code 0: all runs are finished. 1: some failed. 2: an invalid command line. 75: another sweep
or run works there; try again when it has ended. 130: stopped.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from promptsrc.command import (
    STOPPED,
    InvalidCommand,
    Parser,
    checking_the_command,
    exit_code,
    stop_like_ctrl_c,
)
from runs.folder import is_locked, locked
from runs.job import Job
from runs.layout import SEEDS
from runs.protocols import CONFIGS, DATASETS, Method, method_file, plan
from runs.run import RESUMABLE
from sweep import local, roots
from sweep.packs import AUTO, command, packs
from trainers.keys import own_keys


class Busy(ValueError):
    """Another sweep works in the folder, or a run: that of a killed sweep lives on."""

    def __init__(self, who: str, folder: Path):
        super().__init__(f"{who} works in {folder}; wait until it ends, or use another --output")

    exit_code = RESUMABLE


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__, "python -m sweep")
    add = parser.add_argument
    known = ", ".join(DATASETS)
    add("protocols", nargs="*", metavar="PROTOCOL", help=f"of {known}; default: all")
    add("--root", required=True, help="folder of the datasets")
    add("--output", type=Path, default=Path("output"), help="for the results (default: output)")
    add("--methods", nargs="+", default=["PromptSRC"], help="trainers (default: PromptSRC)")
    add("--datasets", nargs="+", default=[], help="of configs/datasets; default: the protocol's")
    add("--seeds", nargs="+", type=int, default=list(SEEDS), help="default: 1 2 3")
    add(
        "--shots", nargs="+", type=int, default=[], help="default: few-shot 1 2 4 8 16, base2new 16"
    )
    add("--configs", default="", help="method files whose names start so, e.g. vit_t8")
    add("--set", nargs="+", default=[], metavar="KEY VALUE", help="configuration of every run")
    add(
        "--vary",
        nargs="+",
        action="append",
        default=[],
        metavar=("KEY", "VALUE"),
        help="a run with each value; repeated, with each combination",
    )
    add("--workers", type=int, help="runs at a time (default: one per GPU, or one)")
    add("--pack", default="1", metavar="auto|N", help="runs that share a process (default: 1)")
    add("--cluster", choices=["slurm", "local"], help="one Slurm array; local: without Slurm")
    add("--cluster-options", nargs="+", default=[], metavar="KEY=VALUE", help="of submitit")
    add("--dry-run", action="store_true", help="print the commands that are left to run")
    args = parser.parse_args(argv)
    args.protocols = args.protocols or list(DATASETS)
    check(args, parser)
    args.pack = AUTO if args.pack == "auto" else int(args.pack)
    return args


def check(args: argparse.Namespace, parser: Parser) -> None:
    """End the command if a value is not allowed."""
    if unknown := [name for name in args.protocols if name not in DATASETS]:
        parser.error(f"no protocol {unknown[0]!r}; choose from {', '.join(DATASETS)}")
    files = {file.stem for file in (CONFIGS / "datasets").glob("*.yaml")}
    if unknown := [name for name in args.datasets if name not in files]:
        own = "; your own images need a file there" if Path(unknown[0]).exists() else ""
        known = ", ".join(sorted(files))
        parser.error(f"no dataset {unknown[0]!r}; configs/datasets has {known}{own}")
    if not Path(args.root).is_dir():
        parser.error(f"--root is {args.root}, not a folder; it is the one that holds oxford_pets/")
    if min(args.seeds) < 0:
        parser.error(f"--seeds has {min(args.seeds)}; seeds are 0 or above")
    if min(args.shots, default=1) < 1:
        parser.error(f"--shots has {min(args.shots)}; shots are 1 or above")
    if args.output.exists() and not args.output.is_dir():
        parser.error(f"--output is {args.output}, a file; it takes a folder")
    if odd := [pair for pair in args.cluster_options if not pair.partition("=")[2]]:
        parser.error(f"--cluster-options has {odd[0]!r}; it takes KEY=VALUE, e.g. timeout_min=600")
    if args.pack != "auto" and not (args.pack.isdecimal() and int(args.pack)):
        parser.error(f"--pack is {args.pack}; it is a number of runs, or auto")
    if len(args.set) % 2:
        parser.error(f"--set takes KEY VALUE pairs; {args.set[-1]!r} has no value")
    keys = [key for key, *_ in args.vary]
    if wrong := [key for key, *values in args.vary if not values or keys.count(key) > 1]:
        parser.error(f"--vary {wrong[0]} takes a key of its own and the values, at least one")
    if set_too := [key for key in keys if key in args.set[::2]]:
        parser.error(f"{set_too[0]} is in --set and in --vary; leave one out")
    if args.workers is not None and args.workers < 1:
        parser.error(f"--workers is {args.workers}; it must be at least 1")


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    stopped = (STOPPED, "stopped; rerun the same command to resume")
    return exit_code(lambda: sweep(args), stopped=stopped)


def sweep(args: argparse.Namespace) -> int:
    """Run what is not finished, and print the tables; 1 if some runs failed.

    Raises:
        Busy: another sweep works there, or one of the runs is under way.
    """
    with checking_the_command():
        jobs = planned(args)
        todo = [job for job in jobs if not job.is_finished()]
        roots.check(todo, Path(args.root))
        for job in [] if args.dry_run else todo:
            job.config()  # an invalid key is refused before anything starts
        most, why = in_a_pack(todo, args)
    if args.dry_run:
        print(*(shlex.join(command(p)) for p in packs(todo, most)), sep="\n", flush=True)
        if why:
            print(why, file=sys.stderr)
        return 0
    args.output.mkdir(parents=True, exist_ok=True)
    with locked(args.output, Busy("another sweep", args.output)):
        for job in todo:
            if is_locked(job.folder):
                raise Busy("another run", job.folder)
        todo = [job for job in todo if not job.is_finished()]  # a sweep may have just ended
        started = packs(todo, most)
        shared = f"; {len(todo)} start in {len(started)} packs" if len(started) < len(todo) else ""
        print(f"{len(jobs)} runs, {len(jobs) - len(todo)} finished{shared}", flush=True)
        if why:
            print(why, flush=True)
        failed = run(todo, len(jobs) - len(todo), args, most) if todo else {}
        if any(job.accuracy() is not None for job in jobs):
            from report.__main__ import main as report

            report([str(args.output)])
    for folder, reason in failed.items():
        print(f"failed: {folder} ({reason})", file=sys.stderr)
    return 1 if failed else 0


def in_a_pack(jobs: list[Job], args: argparse.Namespace) -> tuple[int, str]:
    """How many runs start together, and of `--pack auto` why; on a cluster its nodes decide."""
    if args.pack != AUTO or not jobs:
        return args.pack, ""
    from sweep import memory  # imports PyTorch

    if args.cluster:
        return memory.MOST, f"each element starts packs of what fits there, at most {memory.MOST}"
    return memory.most(jobs, environments(args.workers))


def planned(args: argparse.Namespace) -> list[Job]:
    """The runs of all protocols and methods, each once: two protocols share their trainings."""
    jobs: dict[Path, Job] = {}
    for protocol in args.protocols:
        for name in args.methods:
            for job in of_method(protocol, name, args):
                jobs[job.folder] = job
    return list(jobs.values())


def of_method(protocol: str, name: str, args: argparse.Namespace) -> Iterator[Job]:
    """The runs of a method with every combination of --vary.

    Keys of the other methods of this sweep, there and in --set, are left out.
    """
    others = tuple({key for other in args.methods for key in own_keys(other)} - {*own_keys(name)})
    pairs = [args.set[i : i + 2] for i in range(0, len(args.set), 2)]
    words = tuple(word for pair in pairs if not pair[0].startswith(others) for word in pair)
    varied = [
        [(key, v) for v in values] for key, *values in args.vary if not key.startswith(others)
    ]
    file = method_file(name, args.configs) if args.configs else None
    for values in product(*varied):
        method = Method(name, args.root, args.output, file, pairs=words, values=values)
        yield from plan(protocol, method, args.datasets, args.seeds, args.shots)


def run(jobs: list[Job], done: int, args: argparse.Namespace, most: int) -> dict[str, str]:
    """Run here or on a cluster; the reasons of failures by folder."""
    if not args.cluster:
        failed = local.run(jobs, environments(args.workers), done, most)
        return {str(job.folder): reason for job, reason in failed.items()}
    try:
        from sweep import cluster
    except ImportError:
        raise InvalidCommand("--cluster needs submitit: pip install '.[slurm]'") from None
    pairs = (pair.partition("=") for pair in args.cluster_options)
    options = {key: int(value) if value.isdigit() else value for key, _, value in pairs}
    return cluster.run(jobs, args.output, args.cluster, args.workers, options, args.pack)


def environments(workers: int | None) -> list[dict[str, str]]:
    """Environment variables of each worker: its GPU, or on a CPU its share of the cores."""
    gpus = visible_gpus()
    if gpus:
        return [{"CUDA_VISIBLE_DEVICES": gpus[i % len(gpus)]} for i in range(workers or len(gpus))]
    workers = workers or 1
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // workers))
    return [{"OMP_NUM_THREADS": threads}] * workers


def visible_gpus() -> list[str]:
    """The GPUs that we may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",")[:count] if named else [str(i) for i in range(count)]


if __name__ == "__main__":
    stop_like_ctrl_c()
    sys.exit(main())
