"""Accuracies that papers report, and those of independent re-runs.

`paper.csv`: accuracies in percent with ViT-B/16 and 16 shots (few-shot: the number of shots is the
`part`), means over three seeds, with their source. A method with a method file in brackets is on
the backbone of that file; Tip-Adapter's and CLIP-Adapter's are of one seed, with values that were
searched. `checked`: read in a copy of the paper, or in its authors' repository.
`unverified`: not read there, but the values agree with their average and harmonic mean (of MMRL++
the average alone is here, and its harmonic mean agrees); the source says who quotes them, where
somebody does. What contradicts the other values of its table is left out. ProGrad's are those of
KgCoOp's authors: its own are of a ResNet and 4 shots. A source that ends in (decoupled) is of a
method that is told which classes were trained.

`reruns.csv`: means of independent re-runs in base-to-new, with their standard deviation where it is
known, and their source, in which all of them were read. `settings`: what is known to differ from
the published settings.
"""

import csv
import functools
from pathlib import Path
from typing import NamedTuple

from runs.protocols import ELEVEN
from runs.results import harmonic_mean

HERE = Path(__file__).parent


class Published(NamedTuple):
    """An accuracy in a paper."""

    percent: float
    checked: bool


def accuracy(protocol: str, method: str, dataset: str, part: str) -> Published | None:
    """What the method's paper reports; None where it does not. `dataset` may be `average`."""
    return accuracies().get((protocol, method, dataset, part))


def average(protocol: str, method: str, part: str) -> float | None:
    """The average over the datasets that the method's paper reports."""
    published = accuracy(protocol, method, "average", part)
    return published and published.percent


def without(dataset: str, method: str) -> list[Published | None]:
    """Base, new and HM of a method's base-to-new averages over the other ten datasets."""
    halves = []
    for part in ("base", "new"):
        found = [accuracy("base2new", method, name, part) for name in ELEVEN if name != dataset]
        there = [value for value in found if value]
        if len(there) < len(found):
            return [None, None, None]
        mean = sum(value.percent for value in there) / len(there)
        halves.append(Published(mean, all(value.checked for value in there)))
    (base, _), (new, _) = halves
    checked = all(half.checked for half in halves)
    return [*halves, Published(harmonic_mean(base, new), checked)]


@functools.cache
def accuracies() -> dict[tuple[str, str, str, str], Published]:
    """All of `paper.csv`, by protocol, method, dataset and part."""
    return {
        (row["protocol"], row["method"], row["dataset"], row["part"]): Published(
            float(row["accuracy"]), row["status"] == "checked"
        )
        for row in _rows("paper.csv")
    }


@functools.cache
def spread(method: str, dataset: str, part: str) -> tuple[float, float] | None:
    """The range of a method's base-to-new accuracies over the paper and re-runs of its settings.

    A re-run with a standard deviation counts from one below its mean to one above it.
    None where the paper has none, or no re-run is known.
    """
    published = accuracy("base2new", method, dataset, part)
    found = [row for row in _reruns(method) if (row["dataset"], row["part"]) == (dataset, part)]
    if published is None or not found:
        return None
    ends = [
        float(row["mean"] or published.percent) + sign * float(row["std"] or 0)
        for row in found
        for sign in (-1, 1)
    ]
    return min(*ends, published.percent), max(*ends, published.percent)


def has_spread(method: str) -> bool:
    """Whether somebody has re-run what its paper reports, with its settings."""
    return any(spread(method, row["dataset"], row["part"]) for row in _reruns(method))


def _reruns(method: str) -> list[dict[str, str]]:
    """Those with the published settings."""
    return [row for row in _rows("reruns.csv") if row["method"] == method and not row["settings"]]


@functools.cache
def _rows(file: str) -> list[dict[str, str]]:
    with (HERE / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
