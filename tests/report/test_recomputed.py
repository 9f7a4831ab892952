"""Every value of the tables and figures of made runs, recomputed by NumPy from what was written."""

import csv
import re

import numpy as np
import pytest

from report.__main__ import main
from runs import layout
from runs.protocols import Method
from tests.report.made import base_new, put_scores, scores

METHODS = {"PromptSRC": "unified", "MMRL": "decoupled", "Mine (c)": "unified"}
DATASETS = {"dtd": "DTD", "eurosat": "EuroSAT", "ucf101": "UCF101"}
SEEDS = (1, 2, 3)
TESTED = ("base", "new", "all")
OPEN_WORLD = {"S": "S", "U": "U", "Accuracy": "accuracy", "OpenworldAUC": "openworld_auc"}
CALIBRATION = {"ECE": ("ece", 2), "Adaptive ECE": ("adaptive_ece", 2)}
CALIBRATION |= {"Brier": ("brier", 3), "NLL": ("nll", 3)}
OF = " (3 of 11 datasets)"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of reported runs; and (base, new, results.json) by method, dataset and seed."""
    output, rng = tmp_path_factory.mktemp("output"), np.random.default_rng(2026)
    written = {}
    for method, knowledge in METHODS.items():
        trainer = method.removesuffix(" (c)")
        for dataset in DATASETS:
            known = trainer == method
            file = Method(trainer, "").setting("base2new", dataset).file.stem if known else "c"
            for seed in SEEDS:
                base, new = (round(value, 1) for value in rng.uniform(20, 95, 2))
                base_new(output, dataset, seed, base, new, trainer=trainer, config=file)
                content = scores(rng) | {"test_time_knowledge": knowledge}
                of_test = scores(rng, ("new",)) | {"test_time_knowledge": knowledge}
                of_test["tests"] = {"new": content["tests"]["new"]}
                tail = (dataset, trainer, file, 16, seed)
                put_scores(output, layout.base2new("train_base", *tail), content)
                put_scores(output, layout.base2new("test_new", *tail), of_test)
                written[method, dataset, seed] = base, new, content
    assert main([str(output)]) == 0
    return output / "report", written


@pytest.fixture(scope="module")
def cells(made):
    """The cells of tables.csv by table, row and column; those of one name in a list."""
    found = {}
    with (made[0] / "tables.csv").open() as lines:
        for table, row, column, value in csv.reader(lines):
            found.setdefault((table, row, column), []).append(value)
    return found


def array(written, method, of):
    """(datasets, seeds) of a value of each run's (base, new, results.json)."""
    return np.array([[of(written[method, d, s]) for s in SEEDS] for d in DATASETS])


def hm(a, b):
    return 2 * a * b / (a + b)


def averaged(values, digits=2):
    """Of (datasets, seeds): the average of the means, ± over the average of each seed."""
    return f"{values.mean(1).mean():.{digits}f} ± {values.mean(0).std():.{digits}f}"


def harmonic(one, other):
    """That of the averages, ± over that of each seed."""
    seeds = hm(one.mean(0), other.mean(0))
    return f"{hm(one.mean(1).mean(), other.mean(1).mean()):.2f} ± {seeds.std():.2f}"


@pytest.mark.parametrize("method", METHODS)
def test_base_to_new_averages(made, cells, method):
    base, new = (array(made[1], method, lambda run, i=i: run[i]) for i in (0, 1))
    rest = [i for i, name in enumerate(DATASETS) if name != "eurosat"]
    medians = [np.median(half, 1).mean() for half in (base, new)]
    expected = {
        "": [averaged(base), averaged(new), harmonic(base, new)],
        ", median of seeds": [f"{value:.2f}" for value in (*medians, hm(*medians))],
        ", without EuroSAT (2 of 10 datasets)": [
            averaged(base[rest]),
            averaged(new[rest]),
            harmonic(base[rest], new[rest]),
        ],
    }
    for row, values in expected.items():
        key = "Base-to-new, averages", f"{method}{OF}{row}"
        assert [cells[(*key, part)][0] for part in ("Base", "New", "HM")] == values
    key = "Base-to-new, averages", f"{method}{OF}", "Test-time knowledge"
    assert cells[key] == [METHODS[method]]


@pytest.mark.parametrize("method", METHODS)
def test_base_and_new_by_dataset(made, cells, method):
    base, new = (array(made[1], method, lambda run, i=i: run[i]) for i in (0, 1))
    for i, name in enumerate(DATASETS.values()):
        key = f"Base-to-new, {method}", name
        assert cells[(*key, "Base")] == [averaged(base[[i]])]
        assert cells[(*key, "New")][0] == averaged(new[[i]])
        assert cells[(*key, "HM")][0] == f"{hm(base[i].mean(), new[i].mean()):.2f}"


@pytest.mark.parametrize("method", METHODS)
def test_open_world(made, cells, method):
    values = {
        column: array(made[1], method, lambda run, part=part: run[2]["openworld"][part])
        for column, part in OPEN_WORLD.items()
    }
    rows = {("Open world, averages", f"{method}{OF}"): [0, 1, 2]}
    rows |= {(f"Open world, {method}", name): [i] for i, name in enumerate(DATASETS.values())}
    for row, datasets in rows.items():
        for column, of_runs in values.items():
            assert cells[(*row, column)] == [averaged(of_runs[datasets])]
        assert cells[(*row, "H")] == [harmonic(values["S"][datasets], values["U"][datasets])]


@pytest.mark.parametrize("method", METHODS)
def test_calibration(made, cells, method):
    for tested in TESTED:
        rows = {("Calibration, averages", f"{method}, {tested}{OF}"): [0, 1, 2]}
        for i, name in enumerate(DATASETS.values()):
            rows[f"Calibration, {method}", f"{name}, {tested}"] = [i]
        for column, (part, digits) in CALIBRATION.items():
            values = array(made[1], method, lambda run, t=tested, p=part: run[2]["tests"][t][p])
            for row, datasets in rows.items():
                assert cells[(*row, column)] == [averaged(values[datasets], digits)]


@pytest.mark.parametrize("method", METHODS)
def test_cost(made, cells, method):
    def of(part):
        return array(made[1], method, lambda run: run[2]["cost"][part])

    parameters = of("parameters")
    expected = {
        "Trained parameters": f"{parameters.min():,} to {parameters.max():,}",
        "Training, s": f"{of('train_seconds').mean():.1f}",
        "Training, peak GiB": f"{of('train_peak_gib').max():.2f}",
        "Evaluation, s": f"{of('test_seconds').mean():.1f}",
        "Evaluation, peak GiB": f"{of('test_peak_gib').max():.2f}",
        "Device": "cpu",
    }
    for column, value in expected.items():
        assert cells["Cost, base-to-new", method, column] == [value]


def test_reliability(made):
    """Each point of each curve: all images of a bin, of all datasets and seeds, together."""
    page = (made[0] / "report.html").read_text()
    assert "<h2>Reliability</h2>" in page
    for method in METHODS:
        plot = re.search(
            f'aria-label="accuracy over confidence, {re.escape(method)}".*?</svg>', page
        )
        for tested in TESTED:
            runs = [run[2]["tests"][tested] for key, run in made[1].items() if key[0] == method]
            bins = [
                [
                    (b["images"], b["confidence"] or 0, b["accuracy"] or 0)
                    for b in run["reliability"]
                ]
                for run in runs
            ]
            images, confidence, accuracy = np.array(bins).transpose(2, 0, 1)
            total = images.sum(0)
            x, y = ((images * values).sum(0) / total for values in (confidence, accuracy))
            assert re.findall(f"<title>{tested}: (.*?)</title>", plot[0]) == [
                f"confidence {100 * a:.1f}, accuracy {100 * b:.1f}, {int(n)} images"
                for n, a, b in zip(total, x, y, strict=True)
            ]
