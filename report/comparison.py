"""Two methods compared in pairs, on the datasets and seeds of base-to-new that both have.

Let d_i be the differences on n datasets, each the mean over the seeds that both methods have; with
one dataset alone, those of its n seeds. The interval is that of the paired t-test,

    mean d ± t(0.975, n - 1) s_d / sqrt(n),

and p is of Wilcoxon's signed-rank test of d: over datasets, as Demšar (JMLR 2006) recommends.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from promptsrc.command import InvalidCommand
from report.results import Cells, Result, Seeds, by_label, by_method, cells_of
from report.table import NONE, Table, number, title_of
from runs.results import harmonic_mean

MEASURES = {
    "base": "Base",
    "new": "New",
    "hm": "HM",
    "H": "Open-world H",
    "openworld_auc": "OpenworldAUC",
}
FEWEST = 6  # differences whose p can be below 0.05: of five that all agree it is 0.0625
DIGITS = 9  # what differs less differs by rounding alone
NOTES = [
    "Means over the n datasets of the means over the seeds that both methods have; HM and H are "
    "those of each dataset and seed",
    "The interval (paired t) and p (Wilcoxon's signed-rank test) are over the n datasets, or the "
    "seeds of one dataset; wins, ties, losses: pairs of a dataset and a seed",
]


def comparison(results: Sequence[Result], one: str, other: str) -> Table:
    """What one method has over another one.

    Args:
        one, other: labels of the tables, in any case; a trainer's name, if it has one label.

    Raises:
        InvalidCommand: there is no such method, or it is the same one.
        ValueError: they have no dataset and seed in common.
    """
    methods, runs = by_method(results, "base2new"), by_label(results, "base2new")
    one, other = _named(list(methods), one), _named(list(methods), other)
    if one == other:
        raise InvalidCommand(f"--compare names {one} twice; it takes two different methods")
    ours, theirs = (_measured(methods[name], runs[name]) for name in (one, other))
    header = ["Measure", one, other, "Difference", "95 % interval", "Wins/ties/losses"]
    table = Table(f"{one} against {other}", [*header, "Wilcoxon p", "n"], notes=[*NOTES])
    for part, measure in MEASURES.items():
        if pairs := _pairs(ours, theirs, part):
            table.rows.append([measure, *_row(pairs)])
    if not table.rows:
        has = " and ".join(f"{name} has {_seeds(methods[name])}" for name in (one, other))
        raise ValueError(f"{one} and {other} have no dataset and seed in common: {has}")
    return table


def _named(labels: Sequence[str], name: str) -> str:
    typed = name.lower()
    found = [label for label in labels if label == name]
    found = found or [label for label in labels if label.lower() == typed]
    found = found or [label for label in labels if label.lower().partition(" (")[0] == typed]
    if len(found) > 1:
        raise InvalidCommand(f"--compare: {name!r} may be {' or '.join(found)}; name one of them")
    if not found:
        there = f"the results have {', '.join(labels)}" if labels else "there are none"
        raise InvalidCommand(f"--compare: no base-to-new results of {name!r}; {there}")
    return found[0]


def _seeds(cells: Cells) -> str:
    names = dict.fromkeys(title_of(dataset) for dataset, _ in cells)
    return f"{', '.join(names)} with seeds {', '.join(map(str, cells.seeds))}"


def _measured(accuracies: Cells, runs: Sequence[Result]) -> Cells:
    """By dataset and part of MEASURES."""
    found = Cells(accuracies)
    for dataset, part in accuracies:
        base, new = (accuracies.get((dataset, half), Seeds()) for half in ("base", "new"))
        both = [seed for seed in base if seed in new and part == "base"]
        if both:
            found[dataset, "hm"] = Seeds({s: harmonic_mean(base[s], new[s]) for s in both})
    return Cells(found | cells_of(runs, lambda run: run.scores.open_world if run.scores else {}))


def _pairs(ours: Cells, theirs: Cells, part: str) -> list[NDArray[np.float64]]:
    """Of each dataset both methods' values (seeds, 2), for the seeds that both have."""
    found = []
    for (dataset, of), seeds in ours.items():
        others = theirs.get((dataset, of), Seeds()) if of == part else Seeds()
        if pairs := [(seeds[seed], others[seed]) for seed in sorted(seeds) if seed in others]:
            found.append(np.array(pairs))
    return found


def _row(pairs: Sequence[NDArray[np.float64]]) -> list[str]:
    units = np.array([of.mean(0) for of in pairs]) if len(pairs) > 1 else pairs[0]  # (n, 2)
    differences, each = (
        (values[:, 0] - values[:, 1]).round(DIGITS) for values in (units, np.concatenate(pairs))
    )
    signs = [int((np.sign(each) == sign).sum()) for sign in (1, 0, -1)]
    unit = "dataset" if len(pairs) > 1 else "seed"
    return [
        *map(number, units.mean(0)),
        _signed(differences.mean()),
        _interval(differences),
        "/".join(map(str, signs)),
        _wilcoxon(differences),
        f"{len(units)} {unit}{'s' * (len(units) > 1)}",
    ]


def _interval(differences: NDArray[np.float64]) -> str:
    n, mean = len(differences), differences.mean()
    if n < 2:
        return NONE
    reach = stats.t.ppf(0.975, n - 1) * differences.std(ddof=1) / np.sqrt(n)
    return f"[{_signed(mean - reach)}, {_signed(mean + reach)}]"


def _wilcoxon(differences: NDArray[np.float64]) -> str:
    """p, exact where SciPy has it: up to 50 different sizes, or 13 that are not all different."""
    different = differences[differences != 0]
    if not len(different):
        return "all equal"
    if len(different) < FEWEST:
        return f"too few ({len(different)} of {FEWEST})"
    return f"{stats.wilcoxon(different).pvalue:.3g}"


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}"
