"""Train or evaluate one method on one dataset: `python train.py --help`."""

import sys
from collections.abc import Sequence

from promptsrc.command import checking_the_command, exit_code, stop_like_ctrl_c
from runs.arguments import parse_args, setup_config
from runs.run import RESUMABLE, run

MEMORY_HINT = (
    "set MODEL.TEXTS_AT_ONCE to a part of the classes, "
    "or lower DATALOADER.TRAIN_X.BATCH_SIZE or TEST.BATCH_SIZE"
)
STOPPED = (RESUMABLE, "stopped; rerun the same command to resume")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: done. 1: failed. 2: an invalid command line. 75: stopped by a signal."""
    words = sys.argv[1:] if argv is None else argv
    args = parse_args(words)

    def work() -> int | None:
        if args.seeds or args.runs:
            from runs.pack import run_pack

            return run_pack(words, main)
        with checking_the_command():
            cfg = setup_config(args)
        if cfg.DATASET.NAME:
            return run(cfg, args)
        from runs.embedded import run_embedded

        return run_embedded(words)

    return exit_code(work, MEMORY_HINT, STOPPED, args.debug)


if __name__ == "__main__":
    stop_like_ctrl_c(STOPPED)
    sys.exit(main())
