"""Where this field keeps the results of a run, below the output folder; K is the number of shots.

base2new/{train_base,test_base,test_new}/DATASET/shots_K/TRAINER/CONFIG/seedS
[few_shot/]DATASET/TRAINER/CONFIG_Kshots/[VARIANT/]seedS      all classes: few-shot, and the source of transfers
evaluation/TRAINER/CONFIG_Kshots/[VARIANT/]DATASET/seedS      the ImageNet prompts on another dataset
ZeroshotCLIP/CONFIG/DATASET
"""

import re
from dataclasses import dataclass
from pathlib import PurePath

SEEDS = (1, 2, 3)


def base2new(part: str, dataset: str, trainer: str, config: str, shots: int, seed: int) -> str:
    return f"base2new/{part}/{dataset}/shots_{shots}/{trainer}/{config}/seed{seed}"


def all_classes(
    dataset: str, trainer: str, config: str, shots: int, seed: int, variant: str = ""
) -> str:
    return _join(dataset, trainer, f"{config}_{shots}shots", variant, f"seed{seed}")


def transfer(
    dataset: str, trainer: str, config: str, shots: int, seed: int, variant: str = ""
) -> str:
    return _join("evaluation", trainer, f"{config}_{shots}shots", variant, dataset, f"seed{seed}")


def zero_shot(dataset: str, trainer: str, config: str) -> str:
    return f"{trainer}/{config}/{dataset}"


def _join(*parts: str) -> str:
    return "/".join(filter(None, parts))


@dataclass(frozen=True)
class Place:
    """What a folder is the result of."""

    kind: str  # train_base, test_base, test_new, all_classes, transfer, zero_shot
    dataset: str
    trainer: str
    config: str
    shots: int | None = None
    seed: int | None = None
    variant: str = ""


NAME, SHOTS, SEED = r"[^/]+", r"(?P<shots>\d+)", r"seed(?P<seed>\d+)"
D, T, G = rf"(?P<dataset>{NAME})", rf"(?P<trainer>{NAME})", rf"(?P<config>{NAME})"
VARIANT = rf"(?:(?P<variant>nctx{NAME})/)?"
LAYOUT = {
    "base2new": rf"base2new/(?P<part>train_base|test_base|test_new)/{D}/shots_{SHOTS}/{T}/{G}/{SEED}",
    "transfer": rf"evaluation/{T}/{G}_{SHOTS}shots/{VARIANT}{D}/{SEED}",
    "all_classes": rf"(?:few_shot/)?{D}/{T}/{G}_{SHOTS}shots/{VARIANT}{SEED}",
    "zero_shot": rf"(?P<trainer>ZeroshotCLIP2?)/{G}/{D}",
}


def read(path: PurePath) -> Place | None:
    """What a folder (relative to the output folder) is the result of; None if it is none of the above."""
    for kind, pattern in LAYOUT.items():
        if match := re.fullmatch(pattern, path.as_posix()):
            found = {key: value for key, value in match.groupdict().items() if value}
            numbers = {key: int(found.pop(key)) for key in ("shots", "seed") if key in found}
            return Place(found.pop("part", kind), **found, **numbers)
    return None
