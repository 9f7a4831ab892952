"""The command line of train.py: the flags of the field, and the configuration that they make.

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

RESUMABLE = 75  # exit code of a run that a signal stopped (EX_TEMPFAIL, "try again"): the same command goes on
LAST_SEED = 2**32 - 1  # that NumPy takes
USAGE = """Train or evaluate one method on one dataset.

    python train.py --trainer PromptSRC                       the embedded benchmark: base classes, then base and new
    python train.py --trainer PromptSRC --root DATA --dataset-config-file configs/datasets/eurosat.yaml \\
        --config-file configs/trainers/PromptSRC/vit_b16_c2_ep20_batch4_4+4ctx.yaml --output-dir output/eurosat

KEY VALUE pairs at the end change any key of the configuration: OPTIM.MAX_EPOCH 5 DATASET.NUM_SHOTS 4
"""


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags of the field, and the KEY VALUE pairs behind them in `opts`."""
    parser = Parser(USAGE)
    add = parser.add_argument
    add("--root", default="", help="folder that holds the datasets")
    add("--output-dir", default="", help="folder for log and checkpoints (default: output)")
    add(
        "--resume",
        default="",
        help="folder of a run to go on with, where the output folder has none yet",
    )
    add("--seed", type=int, default=-1, help="0 or above makes the run repeatable")
    add(
        "--deterministic",
        action="store_true",
        help="with --seed: bitwise the same run on a GPU, too; slower there",
    )
    add("--source-domains", nargs="+", help="source domains, where a dataset has some")
    add("--target-domains", nargs="+", help="target domains, where a dataset has some")
    add("--transforms", nargs="+", help="training transforms, in place of INPUT.TRANSFORMS")
    add("--config-file", default="", help="the method's settings, from configs/trainers")
    add("--dataset-config-file", default="", help="the dataset, from configs/datasets")
    add(
        "--trainer",
        default="",
        help="PromptSRC, IVLP, MaPLe, VPT, CoOp, CoCoOp, ZeroshotCLIP or ZeroshotCLIP2",
    )
    add("--backbone", default="", help="CLIP by name, or a file of its weights")
    add("--head", default="", help="name of a head (Dassl's flag; none of our methods has one)")
    add("--eval-only", action="store_true", help="test the checkpoint in --model-dir")
    add("--model-dir", default="", help="folder of the run whose checkpoint is tested")
    add("--load-epoch", type=int, help="epoch of that checkpoint (default: the best one)")
    add("--no-train", action="store_true", help="build everything, train nothing")
    add("--debug", action="store_true", help="show where in the code a failure arose")
    add("opts", nargs=argparse.REMAINDER, metavar="KEY VALUE", help="any key of the configuration")
    return parser.parse_args(argv)


def setup_config(args: argparse.Namespace) -> "CfgNode":
    """Defaults, dataset file, method file, flags, KEY VALUE pairs, in this order; frozen.

    Raises:
        FileNotFoundError, ValueError: a file, key or value that isn't; one line says which.
    """
    from runs.config import default_config, merge_file, merge_pairs

    cfg = default_config()
    for path in filter(None, (args.dataset_config_file, args.config_file)):
        merge_file(cfg, path)
    _merge_flags(cfg, args)
    merge_pairs(cfg, args.opts)
    if cfg.DATASET.ROOT and not cfg.DATASET.NAME:
        raise ValueError(
            f"--root (DATASET.ROOT) is {cfg.DATASET.ROOT}, but no dataset is named; add --dataset-config-file "
            "configs/datasets/<dataset>.yaml, or DATASET.NAME"
        )
    if cfg.SEED > LAST_SEED:
        raise ValueError(
            f"--seed (SEED) is {cfg.SEED}; it is at most {LAST_SEED}, and below 0 the run is not repeatable"
        )
    if cfg.LOAD_EPOCH < -1:
        raise ValueError(
            f"--load-epoch (LOAD_EPOCH) is {cfg.LOAD_EPOCH}; it is an epoch, or -1 for the best one"
        )
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
            functools.reduce(operator.getitem, nodes, cfg)[leaf] = (
                tuple(value) if isinstance(value, list) else value
            )
