"""What `python train.py --trainer X` does if no dataset is named: base-to-new on a bundled one.

It trains on the base classes and tests on them, then tests the same prompts on the new classes. A
method without base-to-new trains on all classes. Finished runs are not run again.
"""

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path

from promptsrc.command import checking_the_command
from runs import saved_config
from runs.arguments import parse_args, setup_config
from runs.job import Job, unfinished
from runs.protocols import SHOTS, Method, base2new, few_shot, why_without
from runs.results import harmonic_mean
from runs.run import run
from runs.settings import BUNDLED, CONFIGS, ROOT, fitting, trainers
from runs.yaml_file import read_yaml

DATA = ROOT / "data"
DATASETS = ("emoji", "outlines", "fashion", "digits")
DATASET = "fashion"  # photographs that CLIP has to learn about


def run_embedded(words: Sequence[str]) -> None:
    """Run a command line of train.py on the bundled dataset.

    Raises:
        InvalidCommand: the trainer has no settings for the bundled backbone, or a pair sets what
            the folder of a run says.
        ValueError, OSError, FloatingPointError: a run failed.
    """
    with checking_the_command():
        args = with_defaults(parse_args(words))
        cfg = setup_config(args)
    if args.eval_only or args.no_train or "DATASET.SUBSAMPLE_CLASSES" in args.opts:
        return run(cfg, args)
    with checking_the_command():
        planned = jobs(words)
    for job in unfinished(planned[:1] if cfg.TEST.NO_TEST else planned):
        run(job.config(), job.args)
    if not cfg.TEST.NO_TEST:
        dataset = Path(args.dataset_config_file).stem
        print(summary(args.trainer, dataset, *(job.result() for job in planned)))


def with_defaults(args: argparse.Namespace) -> argparse.Namespace:
    """The arguments with dataset and method file filled in, for a training also shots and seed.

    Raises:
        ValueError: the trainer has no settings for the bundled backbone.
    """
    args = copy.copy(args)
    args.root, args.dataset_config_file = str(DATA), str(_dataset_file(args))
    args.config_file = args.config_file or str(settings_file(args.trainer))
    args.output_dir = args.output_dir or "output"
    if not args.eval_only:  # a test has the seed and shots of the run in --model-dir
        args.seed = args.seed if args.seed >= 0 else 1
        args.opts = ["DATASET.NUM_SHOTS", str(SHOTS), *args.opts]
    return args


def _dataset_file(args: argparse.Namespace) -> Path:
    """Of the dataset of the run that is tested or resumed, if it is a bundled one; or DATASET."""
    run = args.model_dir or args.resume
    file = Path(run) / saved_config.NAME
    known = saved_config.flat(read_yaml(file)) if run and saved_config.is_of_a_run(file) else {}
    dataset = str(known.get("DATASET.NAME")).lower()
    return CONFIGS / "datasets" / f"{dataset if dataset in DATASETS else DATASET}.yaml"


def settings_file(trainer: str) -> Path:
    """The method file of a trainer for the bundled backbone.

    Raises:
        ValueError: it has none.
    """
    if not trainer:
        raise ValueError("name a folder of photos, or --trainer PromptSRC for the bundled dataset")
    if trainer not in trainers():
        names = ", ".join(trainers())
        raise ValueError(f"--trainer is {trainer!r}; without a dataset use {names}")
    return fitting(trainer, BUNDLED)


def jobs(words: Sequence[str]) -> list[Job]:
    """The training on the base classes and the test on the new ones, for a command line.

    Of a method without base-to-new, the training on all classes alone.

    Raises:
        ValueError, OSError: the command line is invalid.
    """
    typed = parse_args(words)
    args = with_defaults(typed)
    cfg = setup_config(args)
    planned = {"DATASET.NUM_SHOTS", "SEED"}  # the folder's name has their values
    pairs = zip(typed.opts[::2], typed.opts[1::2], strict=True)
    method = Method(
        args.trainer,
        str(DATA),
        Path(args.output_dir),
        Path(args.config_file),
        flags=tuple(words[: len(words) - len(typed.opts)]),
        pairs=tuple(word for pair in pairs if pair[0] not in planned for word in pair),
        load_epoch=-1 if cfg.TEST.FINAL_MODEL == "best_val" else cfg.OPTIM.MAX_EPOCH,
    )
    data = Path(args.dataset_config_file).stem, cfg.SEED, cfg.DATASET.NUM_SHOTS
    if why_without("base2new", args.trainer):
        return [few_shot(method, *data)]
    return base2new(method, *data)


def summary(trainer: str, dataset: str, base: float, new: float | None = None) -> str:
    """Of the accuracies of both halves, or of all classes."""
    if new is None:
        why_not = why_without("base2new", trainer)
        return f"{why_not}\n{trainer} on {dataset}: all classes {base:.1f}%"
    hm = harmonic_mean(base, new)
    return f"{trainer} on {dataset}: base {base:.1f}%  new {new:.1f}%  HM {hm:.1f}%"
