"""`config.yaml` in the folder of a run: its whole configuration, compared with another one.

`--config-file` reads it, too.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from dassl.config import get_cfg_default
from yacs.config import CfgNode

from runs.yaml_file import read_yaml
from trainers.keys import own_keys

NAME = "config.yaml"
# Keys that do not affect results and may differ between runs in one folder.
MAY_DIFFER = {
    "OUTPUT_DIR",
    "RESUME",
    "USE_CUDA",
    "VERBOSE",
    "DATASET.ROOT",
    "DATASET.REFUSE_DUPLICATES",
    "DATALOADER.CACHE_MB",
    "DATALOADER.NUM_WORKERS",
    "DATALOADER.TEST.BATCH_SIZE",
    "MODEL.BACKBONE.CACHE",
    "MODEL.COMPILE",
    "MODEL.TEXTS_AT_ONCE",
    "TRAIN.PRINT_FREQ",
    "TRAIN.CHECKPOINT_FREQ",
    "TRAIN.CHECKPOINT_MINUTES",
    "TRAIN.KEEP_EPOCHS",
    "DETERMINISTIC",
    "TEST.PER_CLASS_RESULT",
    "TEST.COMPUTE_CMAT",
    "TEST.ALL_CLASSES",
    "TEST.SAVE_FEATURES",
}
# Of keys that were added later: what runs did before.
BEFORE = {"INPUT.READ_AS": "stored"}
# Keys of a method that affect its training, but not which prompts a test can load.
OF_TRAINING = re.compile(
    r"^(LOSS\.|TASK)|\.(PREC|W|LR_EXP|TEST_TIME_FUSION|AUGMENT_EPOCHS|REG_WEIGHT|BETA|GPA_\w+"
    r"|\w+_LOSS_WEIGHT)$"
)


def matches(cfg: CfgNode) -> bool:
    """Whether the output folder's `config.yaml` is the same configuration, or missing."""
    file = Path(cfg.OUTPUT_DIR) / NAME
    return not file.is_file() or not differences(file, plain(cfg))


def is_of_a_run(file: Path) -> bool:
    """Whether it is a `config.yaml` that a run has written."""
    try:
        return file.is_file() and {"DATASET", "OUTPUT_DIR", "TRAINER"} <= read_yaml(file).keys()
    except ValueError:
        return False


def check_model(cfg: CfgNode) -> None:
    """Check that the run in MODEL_DIR trained what is tested; one without `config.yaml` passes.

    Raises:
        ValueError: its method, prompts, backbone, seed or number of shots differ.
    """
    file = Path(cfg.MODEL_DIR) / NAME
    if not cfg.MODEL_DIR or not file.is_file():
        return
    here, own = plain(cfg), own_keys(cfg.TRAINER.NAME)
    method = {"TRAINER.NAME": cfg.TRAINER.NAME}
    prompts = {k: v for k, v in here.items() if k.startswith(own) and not OF_TRAINING.search(k)}
    given = {key: here[key] for key in ("SEED", "DATASET.NUM_SHOTS") if here[key] >= 0}
    settings = {"MODEL.BACKBONE.NAME": here["MODEL.BACKBONE.NAME"], **prompts, **given}
    if changed := differences(file, method) or differences(file, settings):
        raise ValueError(f"--model-dir {cfg.MODEL_DIR} is a run with other settings: {changed}")


def check_resumed(cfg: CfgNode) -> None:
    """Check that the run in RESUME has this configuration; one without `config.yaml` passes.

    Raises:
        ValueError: its configuration differs.
    """
    file = Path(cfg.RESUME) / NAME
    elsewhere = cfg.RESUME and os.path.realpath(cfg.RESUME) != os.path.realpath(cfg.OUTPUT_DIR)
    if elsewhere and file.is_file() and (changed := differences(file, plain(cfg))):
        raise ValueError(f"--resume {cfg.RESUME} is a run with another configuration: {changed}")


def differences(file: Path, here: Mapping[str, Any]) -> str:
    """`KEY (there: old, here: new)` of each key whose value in this `config.yaml` differs.

    A key that the file lacks was added to the configuration later, and counts as equal (`BEFORE`),
    or is one that `shown` leaves out, and has its default.

    Raises:
        ValueError: the file is not the configuration of a run.
    """
    try:
        there = BEFORE | _of_dassls_methods() | flat(read_yaml(file))
    except (ValueError, RecursionError):
        raise ValueError(
            f"{file} is not the configuration of a run; restore or delete it"
        ) from None
    return ", ".join(
        f"{key} (there: {there[key]}, here: {value})"
        for key, value in here.items()
        if key not in MAY_DIFFER and key in there and not _equal(key, there[key], value)
    )


def _equal(key: str, old: Any, new: Any) -> bool:
    if key == "INPUT.READ_AS":
        return (old or "stored") == (new or "stored")
    if key == "MODEL_DIR" and old and new:
        return os.path.abspath(old) == os.path.abspath(new)
    return old == new


def _of_dassls_methods() -> dict[str, Any]:
    keys = plain(get_cfg_default().TRAINER, "TRAINER.")
    return {key: value for key, value in keys.items() if key != "TRAINER.NAME"}


def shown(cfg: CfgNode) -> CfgNode:
    """The configuration without the defaults of Dassl's own methods, unless it is this one's."""
    copy = cfg.clone()
    for name, defaults in get_cfg_default().TRAINER.items():
        if name not in ("NAME", cfg.TRAINER.NAME.upper()) and cfg.TRAINER.get(name) == defaults:
            del copy.TRAINER[name]
    return copy


def plain(cfg: CfgNode, prefix: str = "") -> dict[str, Any]:
    """Dotted key: value, with the values as YAML reads them back."""
    return flat(yaml.safe_load(cfg.dump()), prefix)


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key: value."""
    found: dict[str, Any] = {}
    for key, value in nested.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found
