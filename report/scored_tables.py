"""The tables of results.json: open world, calibration, cost."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from report.results import Cells, Result, by_label, cells_of, expected
from report.scores import Scores
from report.table import (
    NONE,
    Table,
    averaged,
    harmonic,
    number,
    of,
    seeds_note,
    shots_of,
    title_of,
)

TESTED = ("base", "new", "all")
COST = [
    *("Trained parameters", "Training, s", "Training, peak GiB"),
    *("Evaluation, s", "Evaluation, peak GiB", "Device"),
]
OF_COST = (
    "Seconds of a run: the average over datasets of the means over seeds; peak GiB: the largest of "
    "all runs; runs of a pack share time and memory, and have none of their own"
)
PROTOCOLS = {
    "base2new": "base-to-new",
    "few-shot": "few-shot",
    "cross-dataset": "cross-dataset",
    "domain-generalization": "domain generalization",
}


class Kind(NamedTuple):
    """What two tables show: one of the averages of all methods, one by dataset for each method."""

    title: str
    first: str  # what follows the method or dataset in the head of the first column
    columns: Mapping[str, Callable[[Cells, Sequence[str]], str]]  # their text for some datasets
    values: Mapping[str, Callable[[Scores], Mapping[str, float]]]  # by what follows a row's name
    note: str

    def cells(self, runs: Sequence[Result]) -> dict[str, Cells]:
        """The values of a method's runs; without those that no run has."""
        found = {
            suffix: cells_of(runs, lambda run, of=of: of(run.scores) if run.scores else {})
            for suffix, of in self.values.items()
        }
        return {suffix: cells for suffix, cells in found.items() if cells}

    def row(self, name: str, cells: Cells, datasets: Sequence[str]) -> list[str]:
        return [name, *(text(cells, datasets) for text in self.columns.values())]


def _calibration(tested: str, scores: Scores) -> Mapping[str, float]:
    return scores.tests[tested].calibration if tested in scores.tests else {}


KINDS = (
    Kind(
        "Open world",
        "",
        {
            "S": partial(averaged, part="S"),
            "U": partial(averaged, part="U"),
            "H": partial(harmonic, one="S", other="U"),
            "Accuracy": partial(averaged, part="accuracy"),
            "OpenworldAUC": partial(averaged, part="openworld_auc"),
        },
        {"": lambda scores: scores.open_world},
        "S and U: accuracy on the images of base and of new classes, each among all classes; "
        "H: their harmonic mean; Accuracy: on all these images; OpenworldAUC: of a base and a new "
        "image, how often both are right in their own half and told apart (arXiv 2505.05180)",
    ),
    Kind(
        "Calibration",
        ", classes",
        {
            "ECE": partial(averaged, part="ece"),
            "Adaptive ECE": partial(averaged, part="adaptive_ece"),
            "Brier": partial(averaged, part="brier", digits=3),
            "NLL": partial(averaged, part="nll", digits=3),
        },
        {f", {tested}": partial(_calibration, tested) for tested in TESTED},
        "ECE: expected calibration error in percent, of 15 bins of equal width; adaptive: of bins "
        "of equally many images; Brier: squared distance of the probabilities; NLL: in nats",
    ),
)


def averages(runs: Mapping[str, Sequence[Result]]) -> list[Table]:
    """All methods, averaged over the datasets that have such scores.

    Args:
        runs: of base-to-new, by method.
    """
    tables = []
    for kind in KINDS:
        header = [f"Method{kind.first}", *kind.columns]
        table = Table(f"{kind.title}, averages", header, notes=[kind.note])
        for name, found in runs.items():
            for suffix, cells in kind.cells(found).items():
                there, wanted = _there(cells), expected(cells, "base2new")
                row = f"{name}{suffix}{of(len(there), len(wanted))}"
                table.rows.append(kind.row(row, cells, there))
        tables.append(table)
    return tables


def by_dataset(runs: Mapping[str, Sequence[Result]]) -> list[Table]:
    """A table for each method and kind of score."""
    return [_by_dataset(kind, *item) for item in runs.items() for kind in KINDS]


def _by_dataset(kind: Kind, name: str, runs: Sequence[Result]) -> Table:
    table = Table(f"{kind.title}, {name}", [f"Dataset{kind.first}", *kind.columns])
    named = kind.cells(runs)
    everything = Cells(
        ((dataset, part + suffix), seeds)
        for suffix, cells in named.items()
        for (dataset, part), seeds in cells.items()
    )
    for dataset in _there(everything):
        table.rows += [
            kind.row(title_of(dataset) + suffix, cells, [dataset])
            for suffix, cells in named.items()
            if dataset in _there(cells)
        ]
    table.notes.append(seeds_note(everything))
    return table


def _there(cells: Cells) -> list[str]:
    """The datasets, in the order of the protocol."""
    names = {name for name, _ in cells}
    return [name for name in expected(cells, "base2new") if name in names]


def cost(results: Sequence[Result], protocol: str, methods: Collection[str]) -> Table:
    """What the runs of a protocol cost, by method and, in few-shot, number of shots."""
    table = Table(f"Cost, {PROTOCOLS[protocol]}", ["Method", *COST], notes=[OF_COST])
    for name, runs in by_label(results, protocol).items():
        found: dict[str, list[Result]] = {}
        for run in sorted(runs, key=lambda run: run.place.shots or 0):
            if run.scores and name in methods and run.place.kind not in ("test_base", "test_new"):
                k = run.place.shots if protocol == "few-shot" else None
                found.setdefault(f"{name}, {shots_of(k)}" if k else name, []).append(run)
        table.rows += [[row, *_cost(trained)] for row, trained in found.items()]
    return table


def _cost(runs: Sequence[Result]) -> list[str]:
    cells = cells_of(runs, lambda run: run.scores.cost if run.scores else {})
    devices = sorted({run.scores.device for run in runs if run.scores and run.scores.device})

    def average(part: str) -> str:
        return number(cells.average([name for name, of in cells if of == part], part), 1)

    def largest(part: str) -> str:
        return number(max(_values(cells, part), default=None))

    counts = [f"{count:,}" for count in sorted(set(_values(cells, "parameters")))]
    return [
        " to ".join(counts[:: max(1, len(counts) - 1)]) or NONE,
        *(average("train_seconds"), largest("train_peak_gib")),
        *(average("test_seconds"), largest("test_peak_gib")),
        ", ".join(devices) or NONE,
    ]


def _values(cells: Cells, part: str) -> list[float]:
    return [value for (_, of), seeds in cells.items() if of == part for value in seeds.values()]
