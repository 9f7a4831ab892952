"""How a run reads its images, if the configuration does not say: INPUT.READ_AS is empty.

    a test of a run's prompts      as that run did
    a run that has begun           as it began
    a new one on your own images   shown: turned as EXIF says, transparency on white
    a new one on published ones    stored, as CoOp-style code reads them

Runs from before there was this key read what is stored.
"""

from pathlib import Path

from yacs.config import CfgNode

from datasets import OWN
from runs import saved_config
from runs.folder import has_begun
from runs.yaml_file import read_yaml

KEY = "INPUT.READ_AS"


def read_as(cfg: CfgNode) -> str:
    """ "shown", "stored", or empty, which means stored."""
    if cfg.MODEL_DIR:
        return _of_run(Path(cfg.MODEL_DIR))
    if cfg.DATASET.NAME not in OWN:
        return ""
    folders = [Path(folder) for folder in (cfg.OUTPUT_DIR, cfg.RESUME) if folder]
    return next((_of_run(folder) for folder in folders if has_begun(folder)), "shown")


def _of_run(folder: Path) -> str:
    try:
        return saved_config.flat(read_yaml(folder / saved_config.NAME)).get(KEY, "stored")
    except (OSError, ValueError):  # not there, or damaged: the run reports that
        return "stored"
