"""The benchmarks' tables as rows of text; `formats.py` writes them down.

An average is over datasets, of the means over seeds; a harmonic mean is of averages, as in the papers. Where datasets are missing
an average says over how many it is, and has no comparison; where seeds are missing a mean says how many it has.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from report import paper
from report.results import Cells, Result, by_method
from runs.embedded import harmonic_mean
from runs.protocols import DATASETS

NONE = "–"
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
    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def tables(results: Sequence[Result]) -> list[Table]:
    """All tables that the results give."""
    found = []
    if methods := by_method(results, "base2new"):
        found += [
            base2new_overview(methods),
            *(base2new(name, cells) for name, cells in methods.items()),
        ]
    found += [few_shot(name, cells) for name, cells in few_shot_methods(results).items()]
    for benchmark in ("cross-dataset", "domain-generalization"):
        methods = by_method(results, benchmark)
        reached = {
            name: cells
            for name, cells in methods.items()
            if any(part == "target" for _, part in cells)
        }
        if reached:
            found.append(transfers(benchmark, reached))
    return found


def few_shot_methods(results: Sequence[Result]) -> dict[str, Cells]:
    """The few-shot results, without methods whose only one is the ImageNet training of their transfers."""
    return {
        name: cells
        for name, cells in by_method(results, "few-shot").items()
        if set(cells) != {("imagenet", "16")}
    }


def unfinished(results: Iterable[Result]) -> list[str]:
    """Folders of runs that have begun, or failed, and have no result."""
    return [str(result.folder) for result in results if result.accuracy is None]


def base2new_overview(methods: dict[str, Cells]) -> Table:
    """The averages of all methods."""
    table = Table(
        "Base-to-new, averages", ["Method", "Base", "New", "HM", "Paper base", "new", "HM"]
    )
    for method, cells in methods.items():
        names = expected(cells, "base2new")
        both = both_halves(cells, names)
        values = _base_new(cells, both)
        published = [
            paper.accuracies().get(("base2new", method, "average", part))
            for part in ("base", "new", "hm")
        ]
        numbers = [_number(values.get(part)) for part in ("base", "new", "hm")]
        table.rows.append(
            [method + _of(len(both), len(names)), *numbers, *map(_published, published)]
        )
    return table


def base2new(method: str, cells: Cells) -> Table:
    """Base, new and their harmonic mean by dataset, next to the paper's where it has the method."""
    names = expected(cells, "base2new")
    both = both_halves(cells, names)
    compared = ("base2new", method, "average", "base") in paper.accuracies()
    table = Table(f"Base-to-new, {method}", ["Dataset", "Base", "New", "HM"])
    table.header += ["Paper base", "new", "HM", "Δ base", "Δ new", "Δ HM"] if compared else []
    table.header += ["Re-runs"] if method == "PromptSRC" else []
    for name in names:
        values = _base_new(cells, [name])
        shown = (_cell(cells, name, "base"), _cell(cells, name, "new"), _number(values.get("hm")))
        table.rows.append([_title(name), *shown, *_beside(method, name, values, compared)])
    values = _base_new(cells, both)
    shown = (_number(values.get(part)) for part in ("base", "new", "hm"))
    beside = _beside(method, "average", values if both == names else {}, compared)
    table.rows.append(["Average" + _of(len(both), len(names)), *shown, *beside])
    table.notes += [_seeds_note(cells), *_missing(cells, names, {"base": "base", "new": "new"})]
    if method == "PromptSRC":
        table.notes.append(
            "Re-runs: are base, new and HM inside what the paper and independent re-runs of it span, where some are known"
        )
    return _with_legend(table)


def few_shot(method: str, cells: Cells) -> Table:
    """All classes, by number of shots."""
    names = expected(cells, "few-shot")
    shots = sorted({part for _, part in cells}, key=int)
    table = Table(f"Few-shot, {method}", ["Dataset", *map(_shots, shots)])
    for name in names:
        table.rows.append([_title(name), *(_cell(cells, name, k) for k in shots)])
        columns = [(name, k) for k in shots]
        table.rows += _comparison(
            "few-shot", method, columns, [_mean(cells, *column) for column in columns]
        )
    there = {k: [name for name in names if (name, k) in cells] for k in shots}
    averages = {k: average(cells, there[k], k) for k in shots}
    table.rows.append(
        ["Average", *(_number(averages[k]) + _of(len(there[k]), len(names)) for k in shots)]
    )
    complete = [averages[k] if there[k] == names else None for k in shots]
    table.rows += _comparison("few-shot", method, [("average", k) for k in shots], complete)
    table.notes += [_seeds_note(cells), *_missing(cells, names, {k: _shots(k) for k in shots})]
    return _with_legend(table)


def transfers(benchmark: str, methods: dict[str, Cells]) -> Table:
    """Prompts of ImageNet on other datasets, one row a method."""
    title = "Cross-dataset" if benchmark == "cross-dataset" else "Domain generalization"
    reached = {key for cells in methods.values() for key in cells if key[1] == "target"}
    names = expected(reached, benchmark)
    columns = [("imagenet", "source"), *((name, "target") for name in names)]
    table = Table(title, ["Method", "Source: ImageNet", *map(_title, names), "Average"])
    for method, cells in methods.items():
        there = [name for name in names if (name, "target") in cells]
        mean = average(cells, there, "target")
        shown = (_cell(cells, *column) for column in columns)
        table.rows.append([method, *shown, _number(mean) + _of(len(there), len(names))])
        ours = [
            *(_mean(cells, *column) for column in columns),
            mean if len(there) == len(names) else None,
        ]
        table.rows += _comparison(benchmark, method, [*columns, ("average", "target")], ours)
        missing = [
            *_missing(cells, ["imagenet"], {"source": "source"}),
            *_missing(cells, names, {"target": "target"}),
        ]
        table.notes += [f"{method}: {note}" for note in (_seeds_note(cells), *missing)]
    return _with_legend(table)


def _with_legend(table: Table) -> Table:
    if any(cell.endswith("*") for row in table.rows for cell in row):
        table.notes.append(
            "* not verified: remembered, and consistent with the average in the paper"
        )
    return table


def expected(cells: Collection[tuple[str, str]], benchmark: str) -> list[str]:
    """The benchmark's datasets if one of them is there, and all others that are."""
    there, published = {name for name, _ in cells}, DATASETS[benchmark]
    return [*(published if there & set(published) else ()), *sorted(there - set(published))]


def _seeds(cells: Cells) -> list[int]:
    return sorted({seed for values in cells.values() for seed in values})


def _seeds_note(cells: Cells) -> str:
    seeds = _seeds(cells)
    if len(seeds) == 1:
        return "One run each" + (f", seed {seeds[0]}" if seeds[0] else "")
    return f"Mean ± population standard deviation over seeds {', '.join(map(str, seeds))}"


def _missing(cells: Cells, names: Iterable[str], parts: Mapping[str, str]) -> list[str]:
    """What a complete table would have besides; parts with the words for them."""
    seeds, lines = _seeds(cells), []
    for name in names:
        absent = {
            part: [seed for seed in seeds if seed not in cells.get((name, part), ())]
            for part in parts
        }
        gaps = [
            parts[part] + (f" of seed {', '.join(map(str, gone))}" if gone != seeds else "")
            for part, gone in absent.items()
            if gone
        ]
        if gaps:
            whole = all(gone == seeds for gone in absent.values())
            lines.append(_title(name) + ("" if whole else f" ({', '.join(gaps)})"))
    return [f"missing: {', '.join(lines)}"] if lines else []


def _cell(cells: Cells, name: str, part: str) -> str:
    values = cells.get((name, part))
    if not values:
        return NONE
    count, wanted = len(values), len(_seeds(cells))
    text = f"{values.mean:.2f}" + (f" ± {values.std:.2f}" if count > 1 else "")
    return text + (f" ({count}/{wanted} seeds)" if count < wanted else "")


def _mean(cells: Cells, name: str, part: str) -> float | None:
    return cells[name, part].mean if (name, part) in cells else None


def average(cells: Cells, names: Sequence[str], part: str) -> float | None:
    return float(np.mean([cells[name, part].mean for name in names])) if names else None


def _base_new(cells: Cells, names: Sequence[str]) -> dict[str, float]:
    """The averages over datasets, and the harmonic mean of both."""
    parts = ("base", "new")
    values = {
        part: average(cells, names, part)
        for part in parts
        if all((name, part) in cells for name in names)
    }
    return values | (
        {"hm": harmonic_mean(values["base"], values["new"])}
        if len(values) == len(parts) and names
        else {}
    )


def both_halves(cells: Cells, names: Iterable[str]) -> list[str]:
    return [name for name in names if (name, "base") in cells and (name, "new") in cells]


def _beside(method: str, name: str, values: dict[str, float], compared: bool) -> list[str]:
    """The paper's numbers, our differences to them, and whether ours are inside the re-runs' spread."""
    parts = ("base", "new", "hm")
    cells = []
    if compared:
        theirs = [paper.accuracies().get(("base2new", method, name, part)) for part in parts]
        cells += [_published(value) for value in theirs]
        cells += [
            _delta(values.get(part), value) for part, value in zip(parts, theirs, strict=True)
        ]
    return cells + (
        [" ".join(_inside(name, part, values.get(part)) for part in parts)]
        if method == "PromptSRC"
        else []
    )


def _inside(name: str, part: str, value: float | None) -> str:
    span = paper.spread(name, part)
    if value is None or span is None:
        return NONE
    return (
        "below" if round(value, 2) < span[0] else "above" if round(value, 2) > span[1] else "inside"
    )


def _comparison(
    benchmark: str, method: str, columns: Iterable[tuple[str, str]], ours: Iterable[float | None]
) -> list[list[str]]:
    """Two rows, the paper's numbers and our differences to them; none where the paper has none."""
    theirs = [paper.accuracies().get((benchmark, method, *column)) for column in columns]
    if not any(theirs):
        return []
    return [["  paper", *map(_published, theirs)], ["  difference", *map(_delta, ours, theirs)]]


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _published(value: tuple[float, bool] | None) -> str:
    return NONE if value is None else f"{value[0]:.2f}{'' if value[1] else '*'}"


def _delta(ours: float | None, theirs: tuple[float, bool] | None) -> str:
    return NONE if ours is None or theirs is None else f"{round(ours - theirs[0], 2) + 0.0:+.2f}"


def _title(name: str) -> str:
    return TITLES.get(name, name)


def _shots(k: str) -> str:
    return f"{k} shot{'s' * (k != '1')}"


def _of(count: int, total: int) -> str:
    return "" if count == total else f" ({count} of {total} datasets)"
