"""Tables of demo.py and of the effect study, in Markdown. Rows are those of `study.row`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tools.embedded.study import AVERAGE, PARTS

Row = Mapping[str, Any]

NONE = "-"
COSTS = {  # heading and format
    "parameters": ("trained parameters", ","),
    "seconds": ("seconds", ".0f"),
    "memory": ("GiB", ".2f"),
    "knowledge": ("test-time knowledge", ""),
}


def by_dataset(rows: Sequence[Row]) -> str:
    """Base, new and HM of each method on each dataset, with their spread over seeds."""
    lines = [
        [_titled(dataset), row["method"], *(_mean(row, dataset, part) for part in PARTS)]
        for dataset in rows[0]["means"]
        for row in rows
    ]
    return markdown(["dataset", "method", "base", "new", "HM"], lines)


def by_method(rows: Sequence[Row]) -> str:
    """A line for each method: averages, base / new of each dataset, and what it takes."""
    datasets = [name for name in rows[0]["means"] if name != AVERAGE]
    headings = ["method", "base", "new", "HM", *datasets, *(name for name, _ in COSTS.values())]
    lines = [
        [
            row["method"],
            *(_mean(row, AVERAGE, part) for part in PARTS),
            *(" / ".join(_mean(row, name, half) for half in PARTS[:2]) for name in datasets),
            *(_shown(row[key], form) for key, (_, form) in COSTS.items()),
        ]
        for row in rows
    ]
    return markdown(headings, lines)


def _titled(dataset: str) -> str:
    return f"**{dataset}**" if dataset == AVERAGE else dataset


def _mean(row: Row, dataset: str, part: str) -> str:
    mean, spreads = row["means"][dataset][part], row["spreads"]
    spread = spreads[dataset][part] if spreads else None
    return _shown(mean, ".1f") + (f" ± {spread:.1f}" if spread else "")


def _shown(value: float | str | None, form: str) -> str:
    return NONE if value is None else format(value, form)


def markdown(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [headings, ["---"] * len(headings), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
