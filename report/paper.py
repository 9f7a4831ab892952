"""The numbers of the papers, and what others got who ran PromptSRC again.

`paper.csv`: accuracies in percent of ViT-B/16 at 16 shots (few-shot: as `part` says), means over three seeds, with their source.
`checked` was read in a copy of it; `unverified` was not, but agrees with a checked average (EuroSAT's harmonic means of earlier
methods: with their formula). `reruns.csv`: means of independent re-runs, with their deviation where it is known.
"""

import csv
import functools
from pathlib import Path

HERE = Path(__file__).parent


@functools.cache
def accuracies() -> dict[tuple[str, str, str, str], tuple[float, bool]]:
    """Accuracy, and whether it is checked, by benchmark, method, dataset (or `average`) and part."""
    with (HERE / "paper.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["benchmark"], row["method"], row["dataset"], row["part"]): (
                float(row["accuracy"]),
                row["status"] == "checked",
            )
            for row in csv.DictReader(file)
        }


@functools.cache
def spread(dataset: str, part: str) -> tuple[float, float] | None:
    """Lowest and highest of PromptSRC's base-to-new accuracies, the paper's and those of re-runs (mean +- deviation).

    None where no re-run is known.
    """
    published, _ = accuracies()["base2new", "PromptSRC", dataset, part]
    with (HERE / "reruns.csv").open(encoding="utf-8", newline="") as file:
        found = [
            row for row in csv.DictReader(file) if (row["dataset"], row["part"]) == (dataset, part)
        ]
    ends = [
        float(row["mean"] or published) + sign * float(row["std"] or 0)
        for row in found
        for sign in (-1, 1)
    ]
    return (min(*ends, published), max(*ends, published)) if found else None
