"""The shipped settings of the methods: which one a run has, and what they choose by dataset."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from runs import saved_config
from runs.layout import Place
from runs.protocols import DATASETS, SHOTS, Method, Setting, fixed_file
from trainers.keys import own_keys

FIXED = "fixed setting"  # one for all datasets, where the published settings differ by dataset
READ_AS = "INPUT.READ_AS"  # of the dataset, not of the method
COMPARED = (
    *("MODEL.BACKBONE.", "MODEL.INIT_WEIGHTS", "INPUT.", "DATALOADER.TRAIN_X.", "OPTIM."),
    *("REGULATION.", "TRAIN.LABEL_SMOOTHING", "TRAIN.CLASS_WEIGHTS", "TRAIN.PATIENCE"),
    *("TEST.FINAL_MODEL", "TEST.SPLIT", "TEST.CORRUPTION", "TEST.SEVERITY"),
)


def shipped(place: Place, protocol: str) -> Setting | None:
    """The method's published setting, or its fixed one, if the folder is named after it."""
    for file in (None, fixed_file(protocol, place.trainer)):
        try:
            method = Method(place.trainer, "", file=file)
            setting = method.setting(protocol, place.dataset, place.shots or SHOTS)
        except ValueError:  # the method has no published settings
            return None
        if place.config == setting.file.stem:
            return setting
    return None


def is_fixed(setting: Setting, trainer: str, protocol: str) -> bool:
    """Whether it is the one for all datasets, where the published ones differ by dataset."""
    return setting.file == fixed_file(protocol, trainer)


def compared(trainer: str, setting: Setting) -> dict[str, Any]:
    """The keys of a shipped setting that runs are compared by, with their values."""
    starts = (*COMPARED, *own_keys(trainer))
    return {
        key: value
        for key, value in _configuration(setting).items()
        if key.startswith(starts) and key != READ_AS
    }


def choice(method: str, protocol: str, shots: Iterable[int] = (SHOTS,)) -> str:
    """A line on what the published settings choose by dataset, or on the fixed one instead.

    Empty if they choose nothing, and for other settings, which the label names.

    Args:
        method: its label.
    """
    trainer = method.removesuffix(f" ({FIXED})")
    chosen = _chosen(trainer, protocol, shots)
    if chosen and trainer != method:
        fixed = Method(trainer, "", file=fixed_file(protocol, trainer))
        values = compared(trainer, fixed.setting(protocol, DATASETS[protocol][0]))
        return f"One setting for all datasets: {_listed({key: [values[key]] for key in chosen})}"
    return f"Settings chosen by dataset, as published: {_listed(chosen)}" if chosen else ""


def _chosen(trainer: str, protocol: str, shots: Iterable[int]) -> dict[str, list[Any]]:
    """The keys that the published settings choose by dataset, with all their values."""
    method, chosen = Method(trainer, ""), dict[str, list[Any]]()
    for k in shots:
        try:
            settings = [method.setting(protocol, name, k) for name in DATASETS[protocol]]
        except ValueError:  # the method has no published settings
            return {}
        by_dataset = [compared(trainer, setting) for setting in settings]
        for key, first in by_dataset[0].items():
            if any(config[key] != first for config in by_dataset):
                values = [*chosen.get(key, ()), *(config[key] for config in by_dataset)]
                chosen[key] = [value for i, value in enumerate(values) if value not in values[:i]]
    return chosen


def _listed(keys: Mapping[str, list[Any]]) -> str:
    """`KEY 30 or 45, KEY 0.01 to 7`."""
    lines = []
    for key, values in keys.items():
        ends = values if len(values) < 3 else (min(values), max(values))
        words = [f"{value:g}" if isinstance(value, float) else str(value) for value in ends]
        lines.append(f"{key} {(' or ' if len(values) < 3 else ' to ').join(words)}")
    return ", ".join(lines)


@functools.cache
def _configuration(setting: Setting) -> dict[str, Any]:
    """All keys of a shipped setting, with their values."""
    from runs.arguments import parse_args, setup_config

    words = ["--config-file", str(setting.file), *setting.pairs]
    return saved_config.plain(setup_config(parse_args(words)))
