"""Train or evaluate one method on one dataset: `python train.py --help`."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from promptsrc.command import one_line
from runs.arguments import RESUMABLE, parse_args, setup_config

if TYPE_CHECKING:
    from yacs.config import CfgNode


def run(cfg: "CfgNode", args: argparse.Namespace) -> None:
    """One run: seeds, log, trainer, then training or a test."""
    if cfg.DETERMINISTIC:
        os.environ.setdefault(
            "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
        )  # cuBLAS asks for it, before it starts
    import torch
    from dassl.engine import build_trainer
    from dassl.utils import collect_env_info, set_random_seed

    import runs.folder as run_folder

    if args.eval_only:
        run_folder.check_model(cfg)
    else:
        run_folder.check_resumed(cfg)
    with run_folder.held(cfg):
        if cfg.SEED >= 0:
            set_random_seed(cfg.SEED)
        torch.backends.cudnn.benchmark = (
            torch.cuda.is_available() and cfg.USE_CUDA and not cfg.DETERMINISTIC
        )
        torch.use_deterministic_algorithms(cfg.DETERMINISTIC)
        print(f"{cfg}\n{collect_env_info()}")
        trainer = build_trainer(cfg)
        if args.eval_only:
            if trainer.get_model_names() and not cfg.MODEL_DIR:
                raise ValueError(
                    f"--eval-only tests what {cfg.TRAINER.NAME} has learned; --model-dir says in which run"
                )
            trainer.load_model(cfg.MODEL_DIR, epoch=cfg.LOAD_EPOCH if cfg.LOAD_EPOCH >= 0 else None)
            trainer.test()
        elif not args.no_train:
            trainer.train()


def main(argv: Sequence[str] | None = None) -> int:
    """0 when all went well, 1 after a failure, 2 for a command that cannot be meant, 75 when a signal stopped it."""
    args = parse_args(argv)
    stage = 2
    try:
        cfg = setup_config(args)
        if not cfg.DATASET.NAME and not cfg.DATASET.ROOT:
            import runs.embedded as base2new

            return base2new.embedded(args)
        stage = 1
        run(cfg, args)
    except (ValueError, KeyError, OSError, FloatingPointError) as error:
        if args.debug:
            raise
        print(f"error: {one_line(error)}", file=sys.stderr)
        return stage
    except RuntimeError as error:
        if (
            args.debug or type(error).__name__ != "OutOfMemoryError"
        ):  # PyTorch's, which is not imported for --help
            raise
        print(
            f"error: the GPU has too little memory ({one_line(error)[:200]}); set MODEL.TEXTS_AT_ONCE to a part of the classes, or "
            "lower DATALOADER.TRAIN_X.BATCH_SIZE or TEST.BATCH_SIZE",
            file=sys.stderr,
        )
        return stage
    except KeyboardInterrupt as stopped:
        when = str(stopped) or "before the training, or behind it"
        print(f"stopped: {when}; the same command goes on", file=sys.stderr)
        return RESUMABLE
    return 0


if __name__ == "__main__":
    for number in (
        signal.SIGTERM,
        signal.SIGUSR1,
    ):  # they stop it like Ctrl-C, as they do within the training
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
