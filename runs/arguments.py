"""The command line of train.py: Dassl's flags, and the configuration they make.

It imports nothing heavy, so that `--help` and a mistyped flag answer at once.
"""

import argparse
import functools
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING

from promptsrc.command import Parser

if TYPE_CHECKING:
    from yacs.config import CfgNode

LAST_SEED = 2**32 - 1  # of NumPy
USAGE = """Train or evaluate one method on one dataset.

    python train.py --trainer PromptSRC         base-to-new on the bundled dataset
    python train.py --trainer PromptSRC --root DATA --output-dir output/eurosat \\
        --dataset-config-file configs/datasets/eurosat.yaml \\
        --config-file configs/trainers/PromptSRC/vit_b16_c2_ep20_batch4_4+4ctx.yaml

KEY VALUE pairs at the end set any configuration key: OPTIM.MAX_EPOCH 5 DATASET.NUM_SHOTS 4
Exit code 0: done. 1: failed. 2: an invalid command line. 75: stopped by a signal; rerun to resume.
"""


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags, and the KEY VALUE pairs after them in `opts`."""
    parser = Parser(USAGE)
    add = parser.add_argument
    add("--root", default="", help="folder of the datasets")
    add("--output-dir", default="", help="folder for log and checkpoints (default: output)")
    add("--resume", default="", help="folder of a run to resume, until --output-dir has one")
    add("--seed", type=int, default=-1, help="0 or above makes the run repeatable")
    add("--deterministic", action="store_true", help="repeat bit for bit on a GPU, too; slower")
    add("--source-domains", nargs="+", help="source domains, if a dataset has some")
    add("--target-domains", nargs="+", help="target domains, if a dataset has some")
    add("--transforms", nargs="+", help="training transforms, in place of INPUT.TRANSFORMS")
    add("--config-file", default="", help="the method's settings, from configs/trainers")
    add("--dataset-config-file", default="", help="the dataset, from configs/datasets")
    add(
        "--trainer",
        default="",
        help="PromptSRC, IVLP, MaPLe, VPT, CoOp, CoCoOp, ZeroshotCLIP or ZeroshotCLIP2",
    )
    add("--backbone", default="", help="CLIP by name, or a file of its weights")
    add("--head", default="", help="name of a head (Dassl's flag; our methods have none)")
    add("--eval-only", action="store_true", help="test the checkpoint in --model-dir")
    add("--model-dir", default="", help="folder of the run whose checkpoint is tested")
    add("--load-epoch", type=int, help="epoch of that checkpoint (default: the best one)")
    add("--no-train", action="store_true", help="build everything, train nothing")
    add("--debug", action="store_true", help="show the traceback of a failure")
    add("opts", nargs=argparse.REMAINDER, metavar="KEY VALUE", help="any configuration key")
    return parser.parse_args(argv)


def setup_config(args: argparse.Namespace) -> "CfgNode":
    """Defaults, dataset file, method file, flags, KEY VALUE pairs, in this order; frozen.

    A run of an earlier version in its folders is resumed and tested as it was begun.

    Raises:
        FileNotFoundError: a configuration file does not exist.
        ValueError: a key or a value is not allowed.
    """
    from datasets import OWN
    from datasets.photos import has_test
    from runs.config import default_config, merge_file, merge_pairs  # imports PyTorch
    from runs.folder import began_without
    from runs.reading import read_as

    cfg = default_config()
    for path in filter(None, (args.dataset_config_file, args.config_file)):
        merge_file(cfg, path)
    _merge_flags(cfg, args)
    merge_pairs(cfg, args.opts)
    if cfg.DATASET.ROOT and not cfg.DATASET.NAME:
        raise ValueError(
            f"--root (DATASET.ROOT) is {cfg.DATASET.ROOT}, but no dataset is named; "
            "add --dataset-config-file configs/datasets/<dataset>.yaml, or DATASET.NAME"
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
