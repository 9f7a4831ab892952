"""Run whole benchmarks: every training and test of methods x datasets x seeds (x shots), and tables at the end.

    python -m sweep base2new --root DATA                                     PromptSRC on the eleven datasets, seeds 1 2 3
    python -m sweep few-shot --root DATA --methods PromptSRC CoOp --shots 1 16
    python -m sweep --root DATA --dry-run                                    the commands of all four benchmarks
    python -m sweep base2new --root DATA --cluster slurm --workers 8 --cluster-options slurm_partition=gpu gpus_per_node=1

Runs that are finished are not run again, interrupted ones go on: the same command continues a sweep. One worker a GPU.
Exit code 0: all runs are finished; 1: some failed; 2: the command cannot be meant; 130: interrupted.
"""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from promptsrc.command import Parser, one_line
from report.__main__ import main as report
from runs.layout import SEEDS
from runs.protocols import CONFIGS, DATASETS, Job, Method, benchmark
from sweep import local


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__, "python -m sweep")
    add = parser.add_argument
    add(
        "benchmarks", nargs="*", metavar="BENCHMARK", help=f"of {', '.join(DATASETS)}; default: all"
    )
    add("--root", required=True, help="folder that holds the datasets")
    add(
        "--output",
        type=Path,
        default=Path("output"),
        help="folder for the results (default: output)",
    )
    add("--methods", nargs="+", default=["PromptSRC"], help="trainers (default: PromptSRC)")
    add(
        "--datasets",
        nargs="+",
        default=[],
        help="file names of configs/datasets (default: those of the benchmark)",
    )
    add("--seeds", nargs="+", type=int, default=list(SEEDS), help="default: 1 2 3")
    add(
        "--shots",
        nargs="+",
        type=int,
        default=[1, 2, 4, 8, 16],
        help="of few-shot (default: 1 2 4 8 16)",
    )
    add(
        "--configs",
        default="",
        help="method files that start so, e.g. vit_t8 (default: configs/benchmarks.yaml)",
    )
    add(
        "--set",
        nargs="+",
        default=[],
        metavar="KEY VALUE",
        help="keys of the configuration of every run",
    )
    add("--workers", type=int, help="runs at once (default: one a GPU, or one)")
    add(
        "--cluster",
        choices=["slurm", "local"],
        help="hand all to Slurm as one array (local: submitit without Slurm)",
    )
    add(
        "--cluster-options",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="e.g. slurm_partition=gpu timeout_min=600",
    )
    add("--dry-run", action="store_true", help="print the commands of what is not finished")
    args = parser.parse_args(argv)
    args.benchmarks = args.benchmarks or list(DATASETS)
    if unknown := [name for name in args.benchmarks if name not in DATASETS]:
        parser.error(f"no benchmark {unknown[0]!r}; choose from {', '.join(DATASETS)}")
    files = {file.stem for file in (CONFIGS / "datasets").glob("*.yaml")}
    if unknown := [name for name in args.datasets if name not in files]:
        parser.error(f"no dataset {unknown[0]!r}; configs/datasets has {', '.join(sorted(files))}")
    if not Path(args.root).is_dir():
        parser.error(
            f"--root is {args.root}, which is no folder; it is the one that holds oxford_pets/ and the like"
        )
    if min(args.seeds) < 0:
        parser.error(f"--seeds has {min(args.seeds)}; seeds are 0 or above")
    if min(args.shots) < 1:
        parser.error(f"--shots has {min(args.shots)}; shots are 1 or above")
    if args.output.exists() and not args.output.is_dir():
        parser.error(f"--output is {args.output}, which is a file; it takes a folder")
    if odd := [pair for pair in args.cluster_options if not pair.partition("=")[2]]:
        parser.error(f"--cluster-options has {odd[0]!r}; it takes KEY=VALUE, e.g. timeout_min=600")
    if args.workers is not None and args.workers < 1:
        parser.error(f"--workers is {args.workers}; it must be at least 1")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    try:
        jobs = planned(args)
        todo = [job for job in jobs if not job.is_finished()]
        for job in [] if args.dry_run else todo:
            job.config()  # a key that isn't is said before anything starts
    except (ValueError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    if args.dry_run:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
        print("\n".join(shlex.join(job.command) for job in todo))
        return 0
    done = len(jobs) - len(todo)
    print(f"{len(jobs)} runs, {done} finished", flush=True)
    for number in (signal.SIGTERM, signal.SIGUSR1):  # they stop it like Ctrl-C
        signal.signal(number, signal.default_int_handler)
    try:
        failed = run(todo, done, args)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130
    except ImportError:
        print("error: --cluster needs submitit: pip install '.[slurm]'", file=sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1
    if any(job.accuracy() is not None for job in jobs):
        report([str(args.output)])
    for folder, why in failed.items():
        print(f"failed: {folder} ({why})", file=sys.stderr)
    return 1 if failed else 0


def run(jobs: list[Job], done: int, args: argparse.Namespace) -> dict[str, str]:
    """Run here or on a cluster; what failed, and why, by folder."""
    if not jobs:
        return {}
    if args.cluster:
        from sweep import cluster

        options = {
            key: _number_or_text(value)
            for key, _, value in (pair.partition("=") for pair in args.cluster_options)
        }
        return cluster.run(jobs, args.output, args.cluster, args.workers, options)
    failed = local.run(jobs, environments(args.workers), done)
    return {str(job.folder): why for job, why in failed.items()}


def _number_or_text(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def planned(args: argparse.Namespace) -> list[Job]:
    """The runs of all benchmarks and methods, each once: cross-dataset and domain generalization share their trainings."""
    methods = [
        Method(name, args.root, args.output, args.configs, tuple(args.set)) for name in args.methods
    ]
    jobs = [
        job
        for name in args.benchmarks
        for method in methods
        for job in benchmark(name, method, args.datasets, args.seeds, args.shots)
    ]
    return list({job.folder: job for job in jobs}.values())


def environments(workers: int | None) -> list[dict[str, str]]:
    """What to set for each worker: its GPU, or on a CPU its share of the cores."""
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
    sys.exit(main())
