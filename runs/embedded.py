"""Base-to-new on the embedded dataset: what `python train.py --trainer X` does when no dataset is named.

Train on the base classes and test on them, then test the same prompts on the new classes; two runs of `train.py`, in the
folders that this field uses. What is finished is not run again.
"""

import argparse
import copy
import os
from pathlib import Path

from runs import layout
from runs.arguments import setup_config
from runs.protocols import Job, call, run_in_turn, train_command
from runs.results import TESTED, TRAINED

HERE = Path(__file__).parents[1]
DATASET = HERE / "configs" / "datasets" / "emoji.yaml"
ROOT = HERE / "data"
BACKBONE = "vit_t8"  # what the settings for the bundled backbone are called by
SHOTS = 16


def embedded(args: argparse.Namespace) -> int:
    """Run `train.py`'s command line on the embedded dataset; its exit code.

    On one thread unless OMP_NUM_THREADS says otherwise: this CLIP is so small that threads mostly wait for each other.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    args = with_defaults(args)
    if args.eval_only or args.no_train or "DATASET.SUBSAMPLE_CLASSES" in args.opts:
        return call(train_command(arguments(args)))
    base, new = jobs(args)
    if code := run_in_turn((base, new)):
        return code
    print(summary(args.trainer, base.accuracy(), new.accuracy()))
    return 0


def with_defaults(args: argparse.Namespace) -> argparse.Namespace:
    """The same command line with dataset and settings filled in, for a training also shots and seed.

    Raises:
        ValueError: the trainer has no settings for the bundled backbone.
    """
    args = copy.copy(args)
    args.root, args.dataset_config_file = str(ROOT), str(DATASET)
    args.config_file = args.config_file or str(settings_file(args.trainer))
    args.output_dir = args.output_dir or "output"
    if not args.eval_only:  # a test is of whatever run --model-dir names
        args.seed = args.seed if args.seed >= 0 else 1
        args.opts = ["DATASET.NUM_SHOTS", str(SHOTS), *args.opts]
    return args


def settings_file(trainer: str) -> Path:
    """The method file of a trainer for the bundled backbone; zero-shot CLIP takes CoOp's, as in this field."""
    settings = HERE / "configs" / "trainers"
    folder = settings / ("CoOp" if trainer.startswith("ZeroshotCLIP") else trainer or "none")
    found = sorted(folder.glob(f"{BACKBONE}*.yaml"))
    if not found:
        names = sorted(
            {file.parent.name for file in settings.glob(f"*/{BACKBONE}*.yaml")} | {"ZeroshotCLIP"}
        )
        raise ValueError(
            f"--trainer is {trainer!r}; on the embedded dataset it is one of {', '.join(names)}"
        )
    return found[0]


def jobs(args: argparse.Namespace) -> tuple[Job, Job]:
    """Training with its test on the base classes, and the test on the new ones."""
    cfg = setup_config(args)
    tail = (
        DATASET.stem,
        args.trainer,
        Path(args.config_file).stem,
        cfg.DATASET.NUM_SHOTS,
        cfg.SEED,
    )
    train_folder = Path(args.output_dir) / layout.base2new("train_base", *tail)
    test_folder = Path(args.output_dir) / layout.base2new("test_new", *tail)
    train, test = copy.copy(args), copy.copy(args)
    train.output_dir, train.opts = (
        str(train_folder),
        [*args.opts, "DATASET.SUBSAMPLE_CLASSES", "base"],
    )
    test.output_dir, test.opts = str(test_folder), [*args.opts, "DATASET.SUBSAMPLE_CLASSES", "new"]
    test.eval_only, test.model_dir, test.load_epoch = True, str(train_folder), cfg.OPTIM.MAX_EPOCH
    base = Job(arguments(train), train_folder, TRAINED)
    return base, Job(arguments(test), test_folder, TESTED, base)


def arguments(args: argparse.Namespace) -> tuple[str, ...]:
    """The command line that parses to `args`."""
    given = {
        name: value
        for name, value in vars(args).items()
        if name != "opts" and value not in ("", None) and value is not False
    }
    words = []
    for name, value in given.items():
        flag = f"--{name.replace('_', '-')}"
        words += (
            [flag]
            if value is True
            else [flag, *map(str, value if isinstance(value, list) else [value])]
        )
    return (*words, *args.opts)


def harmonic_mean(base: float, new: float) -> float:
    return 2 * base * new / (base + new) if base + new else 0.0


def summary(trainer: str, base: float, new: float) -> str:
    return f"{trainer} on {DATASET.stem}: base {base:.1f}%  new {new:.1f}%  HM {harmonic_mean(base, new):.1f}%"
