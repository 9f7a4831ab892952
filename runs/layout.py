"""The folder of each result, relative to the output folder. K is the number of shots.

base2new/{train_base,test_base,test_new}/DATASET/shots_K[_VARIANT]/TRAINER/CONFIG/[VALUES/]seedS
[few_shot/]DATASET/TRAINER/CONFIG_Kshots/[VARIANT/][VALUES/]seedS  few-shot, the source of transfers
evaluation/TRAINER/CONFIG_Kshots/[VARIANT/][VALUES/]DATASET/seedS  ImageNet prompts, other datasets
TRAINER/CONFIG/[VALUES/]DATASET                                    zero-shot CLIP

VALUES are those of keys that a sweep varies, a folder each: OPTIM.LR=0.002/OPTIM.WEIGHT_DECAY=0.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import quote, unquote

SEEDS = (1, 2, 3)

Values = tuple[tuple[str, str], ...]  # keys with the values that are typed


def is_zero_shot(trainer: str) -> bool:
    """Whether a trainer trains nothing, so that its results have neither shots nor seed."""
    return trainer.startswith("ZeroshotCLIP")


def base2new(
    part: str,
    dataset: str,
    trainer: str,
    config: str,
    shots: int,
    seed: int,
    variant: str = "",
    values: Values = (),
) -> str:
    data = f"shots_{shots}_{variant}" if variant else f"shots_{shots}"
    tail = (*_folders(values), f"seed{seed}")
    return _join("base2new", part, dataset, data, trainer, config, *tail)


def all_classes(
    dataset: str,
    trainer: str,
    config: str,
    shots: int,
    seed: int,
    variant: str = "",
    values: Values = (),
) -> str:
    tail = (variant, *_folders(values), f"seed{seed}")
    return _join(dataset, trainer, f"{config}_{shots}shots", *tail)


def transfer(
    dataset: str,
    trainer: str,
    config: str,
    shots: int,
    seed: int,
    variant: str = "",
    values: Values = (),
) -> str:
    tail = (variant, *_folders(values), dataset, f"seed{seed}")
    return _join("evaluation", trainer, f"{config}_{shots}shots", *tail)


def zero_shot(dataset: str, trainer: str, config: str, values: Values = ()) -> str:
    return _join(trainer, config, *_folders(values), dataset)


def _folders(values: Values) -> Iterable[str]:
    return (f"{key}={quote(value, safe='()+,')}" for key, value in values)


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
    values: Values = ()


DATASET, TRAINER, CONFIG = (rf"(?P<{name}>[^/]+)" for name in ("dataset", "trainer", "config"))
SHOTS, SEED, VARIANT = r"(?P<shots>\d+)", r"seed(?P<seed>\d+)", r"(?:(?P<variant>nctx[^/]+)/)?"
VALUES = r"(?P<values>(?:[A-Z][\w.]*=[^/]*/)*)"
RUN = f"{VALUES}{SEED}"
WEIGHT = "(?:_(?P<variant>[^/]+))?"  # KgCoOp's and TCP's, as typed
PARTS = "(?P<part>train_base|test_base|test_new)"
LAYOUT = {
    "base2new": f"base2new/{PARTS}/{DATASET}/shots_{SHOTS}{WEIGHT}/{TRAINER}/{CONFIG}/{RUN}",
    "transfer": f"evaluation/{TRAINER}/{CONFIG}_{SHOTS}shots/{VARIANT}{VALUES}{DATASET}/{SEED}",
    "all_classes": f"(?:few_shot/)?{DATASET}/{TRAINER}/{CONFIG}_{SHOTS}shots/{VARIANT}{RUN}",
    "zero_shot": f"{TRAINER}/{CONFIG}/{VALUES}{DATASET}",
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
            variant, values = found.get("variant") or "", _values(found["values"])
            place = Place(found.get("part", kind), *names, shots, seed, variant, values)
            return place if kind != "zero_shot" or is_zero_shot(place.trainer) else None
    return None


def _values(folders: str) -> Values:
    pairs = (folder.partition("=") for folder in folders.split("/") if folder)
    return tuple((key, unquote(value)) for key, _, value in pairs)
