"""A table of text, and how values are written in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from report.results import Cells, Seeds
from runs.results import harmonic_mean

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
    """Rows of text under a header; a row that starts with spaces belongs to the one above."""

    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def title_of(dataset: str) -> str:
    return TITLES.get(dataset, dataset.strip())  # blanks in front mark a row of another


def number(value: float | None, digits: int = 2) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def spread(value: float | None, seeds: Seeds, digits: int = 2) -> str:
    """A value, with the standard deviation over seeds where there are several."""
    return number(value, digits) + (f" ± {seeds.std:.{digits}f}" if len(seeds) > 1 else "")


def cell(cells: Cells, dataset: str, part: str, digits: int = 2) -> str:
    """The mean over seeds with their standard deviation; it says where seeds are missing."""
    values = cells.get((dataset, part))
    if not values:
        return NONE
    count, wanted = len(values), len(cells.seeds)
    text = spread(values.mean, values, digits)
    return text + (f" ({count}/{wanted} seeds)" if count < wanted else "")


def averaged(cells: Cells, datasets: Sequence[str], part: str, digits: int = 2) -> str:
    """The average over datasets, with the standard deviation of the averages of each seed."""
    return spread(cells.average(datasets, part), cells.by_seed(datasets, part), digits)


def harmonic(cells: Cells, datasets: Sequence[str], one: str, other: str) -> str:
    """The harmonic mean of two averages, with the standard deviation of that of each seed."""
    ours, theirs = (cells.average(datasets, part) for part in (one, other))
    if ours is None or theirs is None:
        return NONE
    mine, yours = (cells.by_seed(datasets, part) for part in (one, other))
    seeds = Seeds({seed: harmonic_mean(mine[seed], yours[seed]) for seed in mine if seed in yours})
    return spread(harmonic_mean(ours, theirs), seeds)


def of(count: int, total: int) -> str:
    return "" if count == total else f" ({count} of {total} datasets)"


def seeds_note(cells: Cells) -> str:
    seeds = cells.seeds
    if len(seeds) == 1:
        return "One run each" + (f", seed {seeds[0]}" if seeds[0] else "")
    return f"Mean ± population standard deviation over seeds {', '.join(map(str, seeds))}"


def shots_of(k: int | str) -> str:
    return f"{k} shot{'s' * (int(k) != 1)}"
