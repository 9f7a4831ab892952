"""The tables of the protocols as rows of text; formats.py writes them down.

An average is over datasets, of the means over seeds. A harmonic mean (HM) is of averages, as in the
papers. An average says where datasets are missing, and is then not compared. A mean says where
seeds are missing.
"""

from collections.abc import Iterable, Mapping, Sequence

from report import paper, scored_tables
from report.paper import Published
from report.results import Cells, Result, both_halves, by_label, by_method, expected
from report.settings import choice
from report.table import (
    NONE,
    Table,
    averaged,
    cell,
    harmonic,
    number,
    of,
    seeds_note,
    shots_of,
    title_of,
)
from runs.results import harmonic_mean

PARTS = ("base", "new", "hm")
KNOWLEDGE = (
    "Test-time knowledge: a decoupled method is told whether the tested classes were trained, "
    "and a unified one is not"
)
SPREAD = "±: population standard deviation over seeds, of each seed's average over the datasets"
MEDIAN = "Median of seeds: the average over the datasets of the medians over seeds"
EUROSAT = "eurosat"  # its new classes differ so much between seeds that it is also left out


def tables(results: Sequence[Result]) -> list[Table]:
    """All tables that the results give."""
    found = []
    if methods := by_method(results, "base2new"):
        runs = by_label(results, "base2new")
        found.append(base2new_averages(methods, {name: knowledge(runs[name]) for name in runs}))
        found += [*scored_tables.averages(runs), scored_tables.cost(results, "base2new", methods)]
        found += [base2new(name, cells) for name, cells in methods.items()]
        found += scored_tables.by_dataset(runs)
    methods = few_shot_methods(results)
    found += [few_shot(name, cells) for name, cells in methods.items()]
    found.append(scored_tables.cost(results, "few-shot", methods))
    for protocol in ("cross-dataset", "domain-generalization"):
        methods = {
            name: cells
            for name, cells in by_method(results, protocol).items()
            if any(part == "target" for _, part in cells)
        }
        if methods:
            found.append(transfers(protocol, methods))
        found.append(scored_tables.cost(results, protocol, methods))
    return [table for table in found if table.rows]


def few_shot_methods(results: Sequence[Result]) -> dict[str, Cells]:
    """The few-shot results, without methods that have only the ImageNet training of transfers."""
    return {
        name: cells
        for name, cells in by_method(results, "few-shot").items()
        if set(cells) != {("imagenet", "16")}
    }


def unfinished(results: Iterable[Result]) -> list[str]:
    """Folders of runs without a result: they are under way, or failed."""
    return [str(result.folder) for result in results if result.accuracy is None]


def unread(results: Iterable[Result]) -> list[str]:
    """Why results.json could not be read: a line for each reason."""
    folders: dict[str, list[str]] = {}
    for result in results:
        if result.unread:
            folders.setdefault(result.unread, []).append(str(result.folder))
    return [
        f"{first}/results.json is {reason}" + (f" (and {len(more)} more)" if more else "")
        for reason, (first, *more) in folders.items()
    ]


def base2new_averages(methods: dict[str, Cells], known: Mapping[str, str]) -> Table:
    """The averages of all methods, also of medians and without EuroSAT.

    Args:
        known: what each method knows when it is tested.
    """
    header = ["Method", "Test-time knowledge", "Base", "New", "HM", "Paper base", "new", "HM"]
    table = Table("Base-to-new, averages", header)
    for method, cells in methods.items():
        names = expected(cells, "base2new")
        both = both_halves(cells, names)
        theirs = [paper.accuracy("base2new", method, "average", part) for part in PARTS]
        ours = [known[method], *_averages(cells, both)]
        table.rows.append([method + of(len(both), len(names)), *ours, *map(_published, theirs)])
        if both and len(cells.seeds) > 2:
            medians = _averages(cells.medians(), both)
            table.rows.append(["  median of seeds", "", *medians, *[NONE] * 3])
        others = [name for name in both if name != EUROSAT]
        if 0 < len(others) < len(both):
            row = "  without EuroSAT" + of(len(others), len(names) - 1)
            theirs = paper.without(EUROSAT, method)
            table.rows.append([row, "", *_averages(cells, others), *map(_published, theirs)])
    seeds = max(len(cells.seeds) for cells in methods.values())
    table.notes += [KNOWLEDGE, *[SPREAD] * (seeds > 1), *[MEDIAN] * (seeds > 2)]
    return _with_legend(table)


def knowledge(runs: Sequence[Result]) -> str:
    """Whether a method is told which classes were trained, by its results or else its trainer."""
    said = {run.scores.test_time_knowledge for run in runs if run.scores}
    return " and ".join(sorted(said)) or _of_trainer(runs[0].place.trainer)


def _of_trainer(name: str) -> str:
    from dassl.engine import TRAINER_REGISTRY

    import trainers.register  # noqa: F401 (imports PyTorch)

    known = name in TRAINER_REGISTRY.registered_names()
    return getattr(TRAINER_REGISTRY.get(name), "test_time_knowledge", NONE) if known else NONE


def _averages(cells: Cells, names: Sequence[str]) -> list[str]:
    halves = [averaged(cells, names, part) for part in ("base", "new")]
    return [*halves, harmonic(cells, names, "base", "new")]


def base2new(method: str, cells: Cells) -> Table:
    """Base, new and their harmonic mean by dataset, next to the paper's if it has the method."""
    names = expected(cells, "base2new")
    both = both_halves(cells, names)
    table = Table(f"Base-to-new, {method}", ["Dataset", "Base", "New", "HM"])
    if _has_paper(method):
        table.header += ["Paper base", "new", "HM", "Δ base", "Δ new", "Δ HM"]
    if paper.has_spread(method):
        table.header.append("Re-runs")
    for name in names:
        base, new, hm = _base_new_hm(cells, [name])
        ours = [cell(cells, name, "base"), cell(cells, name, "new"), number(hm)]
        table.rows.append([title_of(name), *ours, *_beside(method, name, [base, new, hm])])
    averages = _base_new_hm(cells, both)
    beside = _beside(method, "average", averages if both == names else [None] * 3)
    average = "Average" + of(len(both), len(names))
    table.rows.append([average, *map(number, averages), *beside])
    table.notes += [seeds_note(cells), *_missing(cells, names, {"base": "base", "new": "new"})]
    table.notes += filter(None, [choice(method, "base2new")])
    if paper.has_spread(method):
        table.notes.append(
            "Re-runs: whether base, new and HM are in the range of the paper and its "
            "independent re-runs, where there are some"
        )
    return _with_legend(table)


def few_shot(method: str, cells: Cells) -> Table:
    """All classes, by number of shots."""
    names = expected(cells, "few-shot")
    shots = sorted({part for _, part in cells}, key=int)
    table = Table(f"Few-shot, {method}", ["Dataset", *map(shots_of, shots)])
    for name in names:
        columns = [(name, k) for k in shots]
        table.rows.append([title_of(name), *(cell(cells, *column) for column in columns)])
        table.rows += _comparison("few-shot", method, columns, [cells.mean(*c) for c in columns])
    there = {k: [name for name in names if (name, k) in cells] for k in shots}
    averages = [number(cells.average(there[k], k)) for k in shots]
    counts = [of(len(there[k]), len(names)) for k in shots]
    table.rows.append(["Average", *map("".join, zip(averages, counts, strict=True))])
    complete = [cells.average(names, k) for k in shots]
    table.rows += _comparison("few-shot", method, [("average", k) for k in shots], complete)
    table.notes += [seeds_note(cells), *_missing(cells, names, {k: shots_of(k) for k in shots})]
    table.notes += filter(None, [choice(method, "few-shot", map(int, shots))])
    return _with_legend(table)


def transfers(protocol: str, methods: dict[str, Cells]) -> Table:
    """Prompts of ImageNet on other datasets, one row a method."""
    title = "Cross-dataset" if protocol == "cross-dataset" else "Domain generalization"
    reached = {key for cells in methods.values() for key in cells if key[1] == "target"}
    names = expected(reached, protocol)
    columns = [("imagenet", "source"), *((name, "target") for name in names)]
    table = Table(title, ["Method", "Source: ImageNet", *map(title_of, names), "Average"])
    for method, cells in methods.items():
        there = [name for name in names if (name, "target") in cells]
        average = number(cells.average(there, "target")) + of(len(there), len(names))
        table.rows.append([method, *(cell(cells, *column) for column in columns), average])
        ours = [*(cells.mean(*column) for column in columns), cells.average(names, "target")]
        table.rows += _comparison(protocol, method, [*columns, ("average", "target")], ours)
        notes = [
            seeds_note(cells),
            *_missing(cells, ["imagenet"], {"source": "source"}),
            *_missing(cells, names, {"target": "target"}),
        ]
        table.notes += [f"{method}: {note}" for note in notes]
    return _with_legend(table)


def _base_new_hm(cells: Cells, names: Sequence[str]) -> list[float | None]:
    """The averages over datasets, and the harmonic mean of both."""
    base, new = cells.average(names, "base"), cells.average(names, "new")
    return [base, new, None if base is None or new is None else harmonic_mean(base, new)]


def _beside(method: str, name: str, ours: Sequence[float | None]) -> list[str]:
    """The paper's base, new and HM, the differences to them, and whether re-runs span ours."""
    cells = []
    if _has_paper(method):
        theirs = [paper.accuracy("base2new", method, name, part) for part in PARTS]
        cells += [*map(_published, theirs), *map(_delta, ours, theirs)]
    if paper.has_spread(method):
        pairs = zip(PARTS, ours, strict=True)
        cells.append(" ".join(_inside(method, name, *pair) for pair in pairs))
    return cells


def _has_paper(method: str) -> bool:
    return paper.accuracy("base2new", method, "average", "base") is not None


def _inside(method: str, name: str, part: str, value: float | None) -> str:
    span = paper.spread(method, name, part)
    if value is None or span is None:
        return NONE
    low, high = span
    return "below" if round(value, 2) < low else "above" if round(value, 2) > high else "inside"


def _comparison(
    protocol: str, method: str, columns: Iterable[tuple[str, str]], ours: Iterable[float | None]
) -> list[list[str]]:
    """Two rows, the paper's accuracies and the differences to them, if the paper has any."""
    theirs = [paper.accuracy(protocol, method, *column) for column in columns]
    if not any(theirs):
        return []
    return [["  paper", *map(_published, theirs)], ["  difference", *map(_delta, ours, theirs)]]


def _with_legend(table: Table) -> Table:
    if any(cell.endswith("*") for row in table.rows for cell in row):
        table.notes.append(
            "* not verified: not read in the paper itself, but consistent with its average"
        )
    return table


def _missing(cells: Cells, names: Iterable[str], parts: Mapping[str, str]) -> list[str]:
    """A line with the results that a complete table would also have.

    Args:
        parts: the parts of each dataset, and how to call them.
    """
    lines = []
    for name in names:
        gaps, absent = [], 0
        for part, words in parts.items():
            gone = [seed for seed in cells.seeds if seed not in cells.get((name, part), ())]
            absent += len(gone)
            if gone == cells.seeds:
                gaps.append(words)
            elif gone:
                gaps.append(f"{words} of seed {', '.join(map(str, gone))}")
        if gaps:
            all_absent = absent == len(parts) * len(cells.seeds)
            lines.append(title_of(name) + ("" if all_absent else f" ({', '.join(gaps)})"))
    return [f"missing: {', '.join(lines)}"] if lines else []


def _published(value: Published | None) -> str:
    return NONE if value is None else f"{value.percent:.2f}{'' if value.checked else '*'}"


def _delta(ours: float | None, theirs: Published | None) -> str:
    if ours is None or theirs is None:
        return NONE
    return f"{round(ours - theirs.percent, 2) + 0.0:+.2f}"
