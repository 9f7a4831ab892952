"""A prompt average with other Gaussians (`python -m sweep.gpa`): a table and heat maps."""

from collections.abc import Mapping, Sequence

from report import figures
from report.figures import Figure
from report.html import render
from report.results import Seeds
from report.svg import Axis
from report.table import Table, spread
from runs.results import harmonic_mean

HEADINGS = {"all": "Accuracy", "base": "Base", "new": "New"}
CAUTION = {
    "test": "These are accuracies on the test images. A choice among them belongs on validation "
    "images: --split val, where the dataset has a validation part",
    "val": "These are accuracies on the validation images. Report the choice on the test images",
}

Found = Mapping[tuple[float, float], Mapping[str, Seeds]]  # by mean and std, part and run


def table(found: Found, split: str, notes: Sequence[str]) -> Table:
    """One row for each mean and std."""
    parts = next(iter(found.values()))
    headings = [HEADINGS.get(part, part) for part in parts] + ["HM"] * ("new" in parts)
    made = Table("Prompt averages", ["GPA_MEAN, GPA_STD", *headings])
    for (mean, std), cells in found.items():
        shown = [spread(values.mean, values) for values in cells.values()]
        if "new" in cells:
            shown.append(f"{_means(cells)['HM']:.2f}")
        made.rows.append([f"{mean:g}, {std:g}", *shown])
    made.notes += [*notes, CAUTION[split]]
    return made


def page(found: Found, split: str, notes: Sequence[str]) -> str:
    """One HTML file."""
    return render(
        "averages.html",
        about=". ".join(notes),
        caution=CAUTION[split],
        sections=[(_maps(found), table(found, split, notes))],
        unfinished=[],
        unread=[],
    )


def _maps(found: Found) -> Figure:
    means, stds = (sorted({pair[axis] for pair in found}) for axis in (0, 1))
    rows, columns = (
        Axis(-0.5, len(values) - 0.5, {i: f"{v:g}" for i, v in enumerate(values)}, title)
        for values, title in ((means, "GPA_MEAN"), (stds, "GPA_STD"))
    )
    by_heading: dict[str, dict[tuple[float, float], float]] = {}
    for (mean, std), cells in found.items():
        for heading, value in _means(cells).items():
            place = stds.index(std), means.index(mean)
            by_heading.setdefault(heading, {})[place] = value
    plots = [
        (
            heading * (len(by_heading) > 1),
            figures.heat_map(f"{heading} over mean and std", rows, columns, values),
        )
        for heading, values in by_heading.items()
    ]
    caption = (
        "Accuracy in percent by the mean and the standard deviation of the Gaussian, in epochs"
    )
    return Figure("Accuracy", f"{caption}. The darker a field, the higher it is.", [], plots)


def _means(cells: Mapping[str, Seeds]) -> dict[str, float]:
    """Over the runs, by heading; the harmonic mean is that of the means."""
    means = {HEADINGS.get(part, part): values.mean for part, values in cells.items()}
    if "new" in cells:
        means["HM"] = harmonic_mean(means["Base"], means["New"])
    return means
