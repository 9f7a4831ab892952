"""Compare our datasets with the reference's recorded outputs.

    python -m tests.dataset_parity DIR

DIR has golden files (`OxfordPets.json`, ...), and `golden.py` and `make_roots.py`, which check them
and make the roots that they were recorded on. Prints a line per dataset. Exit code 1: one differs.
"""

import importlib
import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from dassl.config import get_cfg_default
from dassl.data.datasets import DATASET_REGISTRY, DatasetBase

import datasets.register
from promptsrc.command import Parser


def build(root: str, name: str, num_shots: int, subsample: str, seed: int) -> DatasetBase:
    """The dataset as a run of `train.py` builds it, with the seed set before."""
    cfg = get_cfg_default()
    datasets.extend_cfg(cfg)
    cfg.DATASET.NAME, cfg.DATASET.ROOT = name, root
    cfg.DATASET.NUM_SHOTS, cfg.DATASET.SUBSAMPLE_CLASSES, cfg.SEED = num_shots, subsample, seed
    random.seed(seed)  # the only generator that datasets use
    with redirect_stdout(StringIO()):
        return DATASET_REGISTRY.get(name)(cfg)


def differences(golden_file: Path) -> list[str]:
    """A line for each difference in the cases and sequences of a golden file."""
    golden = load_golden(golden_file.parent)
    with tempfile.TemporaryDirectory() as workdir:
        return golden.check(golden_file, build, workdir)


def load_golden(folder: Path) -> Any:
    """The module `golden.py` of a folder, which imports its `make_roots.py`."""
    for name in ("golden", "make_roots"):
        sys.modules.pop(name, None)
    sys.path.insert(0, str(folder.absolute()))
    try:
        return importlib.import_module("golden")
    finally:
        sys.path.pop(0)


def main(argv: Sequence[str] | None = None) -> int:
    """Its exit code."""
    parser = Parser(__doc__)
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder of golden files")
    folder = parser.parse_args(argv).folder
    files = sorted(folder.glob("*.json"))
    if not files or not (folder / "golden.py").is_file():
        parser.error(f"{folder} has no golden files; give a folder such as tests/datasets/golden")
    failed = 0
    for file in files:
        errors = differences(file)
        failed += bool(errors)
        result = f"{len(errors)} differences, the first: {errors[0]}" if errors else "equal"
        print(f"{file.stem:20} {result}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
