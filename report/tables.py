"""The tables of the protocols as rows of text; formats.py writes them down.

An average is over datasets, of the means over seeds. A harmonic mean (HM) is of averages, as in the
papers. An average says where datasets are missing, and is then not compared. A mean says where
seeds are missing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from report import paper
from report.paper import Published
from report.results import Cells, Result, by_method
from runs.protocols import DATASETS
from runs.results import harmonic_mean

NONE = "–"
PARTS = ("base", "new", "hm")
TITLES = {
    "imagenet": "ImageNet",
    "caltech101": "Caltech101",
    "oxford_pets": "OxfordPets",
    "stanford_cars": "StanfordCars",
    "oxford_flowers": "Flowers102",
    "food101": "Food101",
    "fgvc_aircraft": "FGVCAircraft",
    "sun397": "SUN397",
    "dtd": "DTD",
    "eurosat": "EuroSAT",
    "ucf101": "UCF101",
    "imagenetv2": "ImageNetV2",
    "imagenet_sketch": "ImageNet-Sketch",
    "imagenet_a": "ImageNet-A",
    "imagenet_r": "ImageNet-R",
}


@dataclass
class Table:
    """Rows of text under a header; a row that starts with spaces belongs to the one above."""

    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def tables(results: Sequence[Result]) -> list[Table]:
    """All tables that the results give."""
    found = []
    if methods := by_method(results, "base2new"):
        found.append(base2new_averages(methods))
        found += [base2new(name, cells) for name, cells in methods.items()]
    found += [few_shot(name, cells) for name, cells in few_shot_methods(results).items()]
    for protocol in ("cross-dataset", "domain-generalization"):
        methods = {
            name: cells
            for name, cells in by_method(results, protocol).items()
            if any(part == "target" for _, part in cells)
        }
        if methods:
            found.append(transfers(protocol, methods))
    return found


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


def base2new_averages(methods: dict[str, Cells]) -> Table:
    """The averages of all methods."""
    header = ["Method", "Base", "New", "HM", "Paper base", "new", "HM"]
    table = Table("Base-to-new, averages", header)
    for method, cells in methods.items():
        names = expected(cells, "base2new")
        both = both_halves(cells, names)
        values = _base_new_hm(cells, both)
        theirs = [paper.accuracy("base2new", method, "average", part) for part in PARTS]
        name = method + _of(len(both), len(names))
        table.rows.append([name, *map(_number, values), *map(_published, theirs)])
    return table


def base2new(method: str, cells: Cells) -> Table:
    """Base, new and their harmonic mean by dataset, next to the paper's if it has the method."""
    names = expected(cells, "base2new")
    both = both_halves(cells, names)
    table = Table(f"Base-to-new, {method}", ["Dataset", "Base", "New", "HM"])
    if _has_paper(method):
        table.header += ["Paper base", "new", "HM", "Δ base", "Δ new", "Δ HM"]
    if method == "PromptSRC":
        table.header.append("Re-runs")
    for name in names:
        base, new, hm = _base_new_hm(cells, [name])
        ours = [_cell(cells, name, "base"), _cell(cells, name, "new"), _number(hm)]
        table.rows.append([_title(name), *ours, *_beside(method, name, [base, new, hm])])
    averages = _base_new_hm(cells, both)
    beside = _beside(method, "average", averages if both == names else [None] * 3)
    average = "Average" + _of(len(both), len(names))
    table.rows.append([average, *map(_number, averages), *beside])
    table.notes += [_seeds_note(cells), *_missing(cells, names, {"base": "base", "new": "new"})]
    if method == "PromptSRC":
        table.notes.append(
            "Re-runs: whether base, new and HM are in the range of the paper and its "
            "independent re-runs, where there are some"
        )
    return _with_legend(table)


def few_shot(method: str, cells: Cells) -> Table:
    """All classes, by number of shots."""
    names = expected(cells, "few-shot")
    shots = sorted({part for _, part in cells}, key=int)
    table = Table(f"Few-shot, {method}", ["Dataset", *map(_shots, shots)])
    for name in names:
        columns = [(name, k) for k in shots]
        table.rows.append([_title(name), *(_cell(cells, *column) for column in columns)])
        table.rows += _comparison("few-shot", method, columns, [cells.mean(*c) for c in columns])
    there = {k: [name for name in names if (name, k) in cells] for k in shots}
    averages = [_number(cells.average(there[k], k)) for k in shots]
    counts = [_of(len(there[k]), len(names)) for k in shots]
    table.rows.append(["Average", *map("".join, zip(averages, counts, strict=True))])
    complete = [cells.average(names, k) for k in shots]
    table.rows += _comparison("few-shot", method, [("average", k) for k in shots], complete)
    table.notes += [_seeds_note(cells), *_missing(cells, names, {k: _shots(k) for k in shots})]
    return _with_legend(table)


def transfers(protocol: str, methods: dict[str, Cells]) -> Table:
    """Prompts of ImageNet on other datasets, one row a method."""
    title = "Cross-dataset" if protocol == "cross-dataset" else "Domain generalization"
    reached = {key for cells in methods.values() for key in cells if key[1] == "target"}
    names = expected(reached, protocol)
    columns = [("imagenet", "source"), *((name, "target") for name in names)]
    table = Table(title, ["Method", "Source: ImageNet", *map(_title, names), "Average"])
    for method, cells in methods.items():
        there = [name for name in names if (name, "target") in cells]
        average = _number(cells.average(there, "target")) + _of(len(there), len(names))
        table.rows.append([method, *(_cell(cells, *column) for column in columns), average])
        ours = [*(cells.mean(*column) for column in columns), cells.average(names, "target")]
        table.rows += _comparison(protocol, method, [*columns, ("average", "target")], ours)
        notes = [
            _seeds_note(cells),
            *_missing(cells, ["imagenet"], {"source": "source"}),
            *_missing(cells, names, {"target": "target"}),
        ]
        table.notes += [f"{method}: {note}" for note in notes]
    return _with_legend(table)


def expected(cells: Collection[tuple[str, str]], protocol: str) -> list[str]:
    """All datasets of the protocol if there is one of them, then the others that are there."""
    there, published = {name for name, _ in cells}, DATASETS[protocol]
    return [*(published if there & set(published) else ()), *sorted(there - set(published))]


def both_halves(cells: Cells, names: Iterable[str]) -> list[str]:
    """The datasets with results on base and on new classes."""
    return [name for name in names if (name, "base") in cells and (name, "new") in cells]


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
    if method == "PromptSRC":
        cells.append(" ".join(_inside(name, *pair) for pair in zip(PARTS, ours, strict=True)))
    return cells


def _has_paper(method: str) -> bool:
    return paper.accuracy("base2new", method, "average", "base") is not None


def _inside(name: str, part: str, value: float | None) -> str:
    span = paper.spread(name, part)
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
            "* not verified: remembered, and consistent with the average in the paper"
        )
    return table


def _seeds_note(cells: Cells) -> str:
    seeds = cells.seeds
    if len(seeds) == 1:
        return "One run each" + (f", seed {seeds[0]}" if seeds[0] else "")
    return f"Mean ± population standard deviation over seeds {', '.join(map(str, seeds))}"


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
            lines.append(_title(name) + ("" if all_absent else f" ({', '.join(gaps)})"))
    return [f"missing: {', '.join(lines)}"] if lines else []


def _cell(cells: Cells, name: str, part: str) -> str:
    values = cells.get((name, part))
    if not values:
        return NONE
    count, wanted = len(values), len(cells.seeds)
    text = f"{values.mean:.2f}" + (f" ± {values.std:.2f}" if count > 1 else "")
    return text + (f" ({count}/{wanted} seeds)" if count < wanted else "")


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _published(value: Published | None) -> str:
    return NONE if value is None else f"{value.percent:.2f}{'' if value.checked else '*'}"


def _delta(ours: float | None, theirs: Published | None) -> str:
    if ours is None or theirs is None:
        return NONE
    return f"{round(ours - theirs.percent, 2) + 0.0:+.2f}"


def _title(name: str) -> str:
    return TITLES.get(name, name.strip())  # blanks in front mark a row that belongs to another


def _shots(k: str) -> str:
    return f"{k} shot{'s' * (k != '1')}"


def _of(count: int, total: int) -> str:
    return "" if count == total else f" ({count} of {total} datasets)"
