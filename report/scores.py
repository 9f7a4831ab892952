"""`results.json` beside the log of a run: what it scores beyond the accuracy, and what it costs."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from promptsrc.files import read_text

NAME, VERSION = "results.json", 1
BINS = 15  # of a reliability diagram
CALIBRATION = ("ece", "adaptive_ece", "brier", "nll")
OPEN_WORLD = ("S", "U", "H", "accuracy", "openworld_auc")
COST = ("parameters", "train_seconds", "train_peak_gib", "test_seconds", "test_peak_gib")
DAMAGE = (AttributeError, LookupError, OSError, OverflowError, RecursionError, TypeError)


class Bin(NamedTuple):
    """The images whose top probability is in one of several equally wide intervals."""

    images: int
    confidence: float  # the mean of their top probabilities
    accuracy: float  # from 0 to 1


class Tested(NamedTuple):
    """What a test of some images among some classes says."""

    accuracy: float | None  # in percent
    calibration: dict[str, float]  # of CALIBRATION; errors in percent
    reliability: list[Bin]  # of no images: 0, 0, 0


class Scores(NamedTuple):
    """The scores of a run; those that were not finite are left out."""

    test_time_knowledge: str  # unified or decoupled
    tests: dict[str, Tested]  # by images and classes: base, new, all
    open_world: dict[str, float]  # of OPEN_WORLD, in percent; empty without base and new classes
    cost: dict[str, float]  # of COST, where they are known
    device: str  # empty where it is not known


def read(folder: Path) -> Scores | None:
    """The scores of the run in a folder; None if it has none.

    Raises:
        ValueError: the file is damaged or of another version.
    """
    file = folder / NAME
    if not file.is_file():
        return None
    try:
        content = json.loads(read_text(file))
        version = content["version"]
        if version == VERSION:
            return _scores(content)
    except (*DAMAGE, ValueError):
        raise ValueError("damaged") from None
    raise ValueError(f"of version {version!r:.20}; this report reads version {VERSION}")


def _scores(content: Mapping[str, Any]) -> Scores:
    open_world, cost = content.get("openworld"), content["cost"]
    return Scores(
        _text(content["test_time_knowledge"]),
        {name: _tested(test) for name, test in content["tests"].items()},
        _numbers(open_world, OPEN_WORLD) if open_world else {},
        _numbers(cost, COST),
        _text(cost["device"] or ""),
    )


def _tested(test: Mapping[str, Any]) -> Tested:
    bins = [
        Bin(item["images"], *(_number(item[name] or 0) for name in ("confidence", "accuracy")))
        for item in test["reliability"]
    ]
    if len(bins) != BINS or not all(isinstance(found.images, int) for found in bins):
        raise ValueError(bins)
    accuracy = test.get("accuracy")
    return Tested(
        accuracy if accuracy is None else _number(accuracy), _numbers(test, CALIBRATION), bins
    )


def _numbers(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, float]:
    return {name: _number(values[name]) for name in names if values[name] is not None}


def _number(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
