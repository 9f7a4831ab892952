"""The command line of train.py: Dassl's flags, and the configuration they make.

It imports nothing heavy, so that `--help` and a mistyped flag answer at once.
"""

import argparse
import functools
import operator
import re
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from promptsrc.command import Parser
from runs.settings import spelled, trainers

if TYPE_CHECKING:
    from yacs.config import CfgNode

LAST_SEED = 2**32 - 1  # of NumPy
KEY = re.compile(r"[A-Z][A-Z0-9_]*(\.\w+)*")  # of the configuration
USAGE = """Train or evaluate one method on one dataset.

    python train.py photos                      PromptSRC on your photos: a folder for each class
    python train.py --trainer PromptSRC         base-to-new on a bundled dataset
    python train.py --trainer PromptSRC --root DATA --output-dir output/eurosat \\
        --dataset-config-file configs/datasets/eurosat.yaml \\
        --config-file configs/trainers/PromptSRC/vit_b16_c2_ep20_batch4_4+4ctx.yaml

    python train.py --trainer PromptSRC --seeds 1 2 3       three runs, one step for all of them
    python train.py --trainer PromptSRC --run --output-dir a --run --output-dir b OPTIM.LR 0.01
                                                two runs: what follows each --run is its own

KEY VALUE pairs at the end set any configuration key: OPTIM.MAX_EPOCH 5 DATASET.NUM_SHOTS 4
Exit code 0: done. 1: failed. 2: an invalid command line. 75: stopped by a signal; rerun to resume.
"""


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags, the folder or table of photos, and KEY VALUE pairs in `opts`."""
    parser = _parser()
    words, runs = without_runs(sys.argv[1:] if argv is None else argv)
    words, seeds = without_seeds(words)
    args = parser.parse_args(words)
    if args.seeds is not None or args.run is not None:
        parser.error("--seeds and --run are words of their own: written in full, and without =")
    args.seeds, args.runs = seeds, runs
    if runs and (len(runs) < 2 or seeds or any("--seeds" in own for own in runs)):
        parser.error("--run stands before the words of each of two or more runs, without --seeds")
    if seeds is not None and (len(seeds) < 2 or len({*seeds}) < len(seeds) or args.seed >= 0):
        parser.error("--seeds takes two or more different seeds, and replaces --seed")
    if not args.opts or args.opts[0].startswith("-") or _is_key(args.opts[0]):
        return args
    photos, *rest = args.opts  # flags may follow it
    args = parse_args([*words[: -len(rest) - 1], *rest])
    if args.photos:
        parser.error(f"both {photos} and {args.photos} are given as photos; name one folder")
    args.photos, args.seeds, args.runs = photos, seeds, runs
    return args


def without_runs(words: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The words before the first `--run`, and those after each."""
    groups: list[list[str]] = [[]]
    for word in words:
        if word == "--run":
            groups.append([])
        else:
            groups[-1].append(word)
    return groups[0], groups[1:]


def without_seeds(words: Sequence[str]) -> tuple[list[str], list[int] | None]:
    """The words without `--seeds 1 2 3`, wherever it stands, and these seeds; None without it."""
    if "--seeds" not in words:
        return list(words), None
    at = list(words).index("--seeds") + 1
    seeds = list(takewhile(str.isdecimal, words[at:]))
    return [*words[: at - 1], *words[at + len(seeds) :]], [int(seed) for seed in seeds]


def _is_key(word: str) -> bool:
    return bool(KEY.fullmatch(word)) and not Path(word).exists()


def _parser() -> Parser:
    parser = Parser(USAGE)
    parser.set_defaults(photos="")
    add = parser.add_argument
    add("--root", default="", help="folder of the datasets")
    add("--output-dir", default="", help="folder for log and checkpoints (default: output)")
    add("--resume", default="", help="folder of a run to resume, until --output-dir has one")
    add("--seed", type=int, default=-1, help="0 or above makes the run repeatable")
    add("--seeds", metavar="SEED SEED ...", help="several runs at once, each in a folder seedS")
    add("--run", metavar="FLAGS KEY VALUE", help="one of several runs at once, after shared words")
    add("--deterministic", action="store_true", help="repeat bit for bit on a GPU, too; slower")
    add("--source-domains", nargs="+", help="source domains, if a dataset has some")
    add("--target-domains", nargs="+", help="target domains, if a dataset has some")
    add("--transforms", nargs="+", help="training transforms, in place of INPUT.TRANSFORMS")
    add("--config-file", default="", help="the method's settings, from configs/trainers")
    add("--dataset-config-file", default="", help="the dataset, from configs/datasets")
    add(
        "--trainer",
        default="",
        type=spelled,
        help=f"{', '.join(trainers())} (of photos: PromptSRC)",
    )
    add("--backbone", default="", help="CLIP by name, or a file of its weights")
    add("--head", default="", help="name of a head (Dassl's flag; our methods have none)")
    add("--eval-only", action="store_true", help="test the checkpoint in --model-dir")
    add("--model-dir", default="", help="folder of the run whose checkpoint is tested")
    add("--load-epoch", type=int, help="epoch of that checkpoint (default: the best, or last)")
    add("--no-train", action="store_true", help="build everything, train nothing")
    add("--debug", action="store_true", help="show the traceback of a failure")
    add(
        "opts",
        nargs=argparse.REMAINDER,
        metavar="PHOTOS | KEY VALUE",
        help="a folder or table of your own photos; any configuration key",
    )
    return parser


def setup_config(args: argparse.Namespace) -> "CfgNode":
    """Defaults, dataset, method file, flags, KEY VALUE pairs, in this order; frozen.

    What is left out is filled in (`runs.completed`). A run of an earlier version in its folders is
    resumed and tested as it was begun.

    Raises:
        FileNotFoundError: a configuration file does not exist.
        ValueError: a key or a value is not allowed.
    """
    from datasets import OWN
    from datasets.photos import has_test, without_training
    from runs.completed import completed
    from runs.config import default_config, merge, merge_file, merge_pairs
    from runs.folder import began_without
    from runs.reading import read_as

    args = completed(args)
    cfg = default_config()
    for path in filter(None, (args.dataset_config_file, args.config_file)):
        merge_file(cfg, path)
    _merge_flags(cfg, args)
    merge(cfg, args.own, "your photos")
    merge_pairs(cfg, args.opts)
    if cfg.DATASET.ROOT and not cfg.DATASET.NAME:
        raise ValueError(
            f"--root (DATASET.ROOT) is {cfg.DATASET.ROOT}, but no dataset is named; add "
            "--dataset-config-file configs/datasets/<dataset>.yaml, or DATASET.NAME"
        )
    if cfg.SEED > LAST_SEED:
        raise ValueError(f"--seed (SEED) is {cfg.SEED}; it is at most {LAST_SEED}, -1 for none")
    if cfg.LOAD_EPOCH < -1:
        raise ValueError(
            f"--load-epoch (LOAD_EPOCH) is {cfg.LOAD_EPOCH}; it is an epoch, or -1 for the best one"
        )
    if cfg.INPUT.get("READ_AS") == "":  # Dassl.pytorch has no such key
        cfg.INPUT.READ_AS = read_as(cfg)
    if (
        cfg.DATASET.NAME == "ImageFolder"
        and cfg.DATASET.SPLIT
        and began_without(cfg, "DATASET.SHUFFLED_SPLIT")
    ):
        cfg.DATASET.SHUFFLED_SPLIT = True
    if cfg.DATASET.NAME in OWN and args.eval_only:
        merge(cfg, without_training(cfg), "your photos")
    if cfg.DATASET.NAME in OWN and not has_test(cfg):
        cfg.TEST.NO_TEST = True
    cfg.freeze()
    return cfg


def _merge_flags(cfg: "CfgNode", args: argparse.Namespace) -> None:
    given = {
        "DATASET.ROOT": args.root,
        "OUTPUT_DIR": args.output_dir,
        "RESUME": args.resume,
        "SEED": args.seed if args.seed >= 0 else None,
        "DETERMINISTIC": args.deterministic or None,
        "DATASET.SOURCE_DOMAINS": args.source_domains,
        "DATASET.TARGET_DOMAINS": args.target_domains,
        "INPUT.TRANSFORMS": args.transforms,
        "TRAINER.NAME": args.trainer,
        "MODEL.BACKBONE.NAME": args.backbone,
        "MODEL.HEAD.NAME": args.head,
        "MODEL_DIR": args.model_dir,
        "LOAD_EPOCH": args.load_epoch,
    }
    for key, value in given.items():
        if value not in (None, ""):
            *nodes, leaf = key.split(".")
            node = functools.reduce(operator.getitem, nodes, cfg)
            node[leaf] = tuple(value) if isinstance(value, list) else value
