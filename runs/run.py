"""One training or test, in this process."""

import argparse
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsrc.weights.names import BUNDLED
from runs import early

if TYPE_CHECKING:
    from yacs.config import CfgNode

RESUMABLE = (
    75  # exit code of a run that a signal stopped (EX_TEMPFAIL): the same command resumes it
)


def run(cfg: "CfgNode", args: argparse.Namespace) -> None:
    """Train, or with `--eval-only` test, in the output folder of a configuration.

    Raises:
        ValueError, OSError, FloatingPointError: it failed; one line says why.
        KeyboardInterrupt: a signal stopped it; its state is saved.
    """
    if cfg.DETERMINISTIC:  # cuBLAS reads this when it starts
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    early.check(cfg, args)
    import torch
    from dassl.utils import collect_env_info, set_random_seed

    import runs.register  # noqa: F401 (makes names known)
    from datasets import OWN
    from runs import folder, saved_config
    from runs.terminal import brief, only_logged
    from trainers import memory
    from trainers.pack import joined

    (saved_config.check_model if args.eval_only else saved_config.check_resumed)(cfg)
    with folder.held(cfg):
        if cfg.SEED >= 0:
            set_random_seed(cfg.SEED)
        if cfg.MODEL.BACKBONE.NAME in BUNDLED and "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(1)  # with so small a CLIP, threads mostly wait for each other
        on_gpu = torch.cuda.is_available() and cfg.USE_CUDA
        torch.backends.cudnn.benchmark = on_gpu and not cfg.DETERMINISTIC
        torch.use_deterministic_algorithms(cfg.DETERMINISTIC)
        with only_logged():
            print(f"{saved_config.shown(cfg)}\n{collect_env_info()}")
        if cfg.DATASET.NAME in OWN and cfg.INPUT.get("READ_AS") != "shown":
            print("Images are read as stored: not turned as EXIF says (INPUT.READ_AS)")
        if args.eval_only:
            _test(_built(cfg, args), cfg)
        elif args.no_train:
            _built(cfg, args)
        elif cfg.DATASET.NAME in OWN and _has_clip(cfg.TRAINER.NAME):
            with brief():
                _train_on_photos(_built(cfg, args), cfg)
        else:
            _built(cfg, args).train()
        if peak := memory.peak():
            whose = f" of {len(mine.pack.runs)} runs" if (mine := joined()) else ""
            with only_logged():
                print(f"Peak memory{whose}: {peak / memory.GIB:.2f} GiB")


def _built(cfg: "CfgNode", args: argparse.Namespace) -> Any:
    """The trainer, on images that are those of the run in the folder.

    Raises:
        ValueError: a key is set that nothing reads.
    """
    from dassl.engine import build_trainer

    from runs.folder import claim_items
    from runs.unused import Watched, check_used

    watched = Watched(cfg)
    if args.eval_only:
        watched.MODEL.INIT_WEIGHTS = ""  # the checkpoint replaces them
    watched.freeze()
    trainer = build_trainer(watched)
    check_used(watched, trainer, args.eval_only, typed=args.opts[::2])
    if hasattr(trainer, "dm"):  # not if a trainer of your own builds its loaders
        claim_items(cfg, trainer.dm.dataset)
    return trainer


def _test(trainer: Any, cfg: "CfgNode") -> None:
    """
    Raises:
        ValueError: no trained run is named.
    """
    if trainer.get_model_names() and not cfg.MODEL_DIR:
        raise ValueError(
            f"--eval-only tests a trained {cfg.TRAINER.NAME}; name its run with --model-dir"
        )
    trainer.load_model(cfg.MODEL_DIR, epoch=tested_epoch(cfg))
    _note_trained_on(trainer, cfg)
    trainer.test()


def tested_epoch(cfg: "CfgNode") -> int | None:
    """The epoch to test. None: the best one; of a finished training without a best one, the last.

    A training that was stopped has prompts that are not its result.
    """
    from promptsrc.run_folder import find
    from runs.log import read

    if cfg.LOAD_EPOCH >= 0:
        return cfg.LOAD_EPOCH
    if cfg.MODEL_DIR and read(Path(cfg.MODEL_DIR)).finished:
        with suppress(FileNotFoundError):  # load_model says it
            epoch = find(cfg.MODEL_DIR).name.rpartition("-")[2]
            return int(epoch) if epoch.isdecimal() else None
    return None


def _note_trained_on(trainer: Any, cfg: "CfgNode") -> None:
    """Say it if some of your own test images were trained on."""
    from datasets import OWN
    from promptsrc.files import fingerprint
    from runs.items import trained_on

    if cfg.DATASET.NAME in OWN and (known := trained_on(cfg.MODEL_DIR)):
        paths = [item.impath for item in trainer.dm.dataset.test or ()]
        if again := sum(fingerprint(path) in known for path in paths):
            print(f"Note: the run was trained on {again:,} of the {len(paths):,} test images")


def _has_clip(trainer: str) -> bool:
    """Whether a trainer has a frozen CLIP to compare with; one of your own may have none."""
    from dassl.engine import TRAINER_REGISTRY

    from trainers.base import CLIPTrainer

    found = TRAINER_REGISTRY.get(trainer)
    return isinstance(found, type) and issubclass(found, CLIPTrainer)


def _train_on_photos(trainer: Any, cfg: "CfgNode") -> None:
    from runs import first_look

    zero_shot = first_look.before(trainer, cfg)
    trainer.train()
    first_look.after(trainer, cfg, zero_shot)
