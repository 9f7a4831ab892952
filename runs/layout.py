"""The folder of each result, relative to the output folder. K is the number of shots.

base2new/{train_base,test_base,test_new}/DATASET/shots_K[_VARIANT]/TRAINER/CONFIG/seedS
[few_shot/]DATASET/TRAINER/CONFIG_Kshots/[VARIANT/]seedS    few-shot, and the source of transfers
evaluation/TRAINER/CONFIG_Kshots/[VARIANT/]DATASET/seedS    the ImageNet prompts on another dataset
TRAINER/CONFIG/DATASET                                      zero-shot CLIP
"""

import re
from dataclasses import dataclass
from pathlib import PurePath

SEEDS = (1, 2, 3)


def is_zero_shot(trainer: str) -> bool:
    """Whether a trainer trains nothing, so that its results have neither shots nor seed."""
    return trainer.startswith("ZeroshotCLIP")


def base2new(
    part: str, dataset: str, trainer: str, config: str, shots: int, seed: int, variant: str = ""
) -> str:
    data = f"shots_{shots}_{variant}" if variant else f"shots_{shots}"
    return _join("base2new", part, dataset, data, trainer, config, f"seed{seed}")


def all_classes(
    dataset: str, trainer: str, config: str, shots: int, seed: int, variant: str = ""
) -> str:
    return _join(dataset, trainer, f"{config}_{shots}shots", variant, f"seed{seed}")


def transfer(
    dataset: str, trainer: str, config: str, shots: int, seed: int, variant: str = ""
) -> str:
    return _join("evaluation", trainer, f"{config}_{shots}shots", variant, dataset, f"seed{seed}")


def zero_shot(dataset: str, trainer: str, config: str) -> str:
    return _join(trainer, config, dataset)


def _join(*parts: str) -> str:
    return "/".join(filter(None, parts))


@dataclass(frozen=True)
class Place:
    """What the result in a folder is of."""

    kind: str  # train_base, test_base, test_new, all_classes, transfer, zero_shot
    dataset: str
    trainer: str
    config: str
    shots: int | None = None
    seed: int | None = None
    variant: str = ""


DATASET, TRAINER, CONFIG = (rf"(?P<{name}>[^/]+)" for name in ("dataset", "trainer", "config"))
SHOTS, SEED, VARIANT = r"(?P<shots>\d+)", r"seed(?P<seed>\d+)", r"(?:(?P<variant>nctx[^/]+)/)?"
WEIGHT = "(?:_(?P<variant>[^/]+))?"  # KgCoOp's and TCP's, as typed
PARTS = "(?P<part>train_base|test_base|test_new)"
LAYOUT = {
    "base2new": f"base2new/{PARTS}/{DATASET}/shots_{SHOTS}{WEIGHT}/{TRAINER}/{CONFIG}/{SEED}",
    "transfer": f"evaluation/{TRAINER}/{CONFIG}_{SHOTS}shots/{VARIANT}{DATASET}/{SEED}",
    "all_classes": f"(?:few_shot/)?{DATASET}/{TRAINER}/{CONFIG}_{SHOTS}shots/{VARIANT}{SEED}",
    "zero_shot": f"{TRAINER}/{CONFIG}/{DATASET}",
}


def read(folder: PurePath) -> Place | None:
    """What the result in a folder is of; None if it is not one of the above.

    Args:
        folder: relative to the output folder.
    """
    for kind, pattern in LAYOUT.items():
        if match := re.fullmatch(pattern, folder.as_posix()):
            found = match.groupdict()
            shots, seed = (int(found[k]) if found.get(k) else None for k in ("shots", "seed"))
            names = found["dataset"], found["trainer"], found["config"]
            place = Place(found.get("part", kind), *names, shots, seed, found.get("variant") or "")
            return place if kind != "zero_shot" or is_zero_shot(place.trainer) else None
    return None
