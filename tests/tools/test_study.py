"""What a study of methods and seeds reads from its runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from tools.embedded import study, tables

VALUES = {  # by dataset: base and new of two seeds
    "emoji": [(50.0, 40.0), (54.0, 44.0)],
    "digits": [(90.0, 60.0), (84.0, 50.0)],
}


def made_rows(*methods: str) -> list[dict]:
    """Rows of one seed, with all four datasets."""
    names = (*study.DATASETS, study.AVERAGE)
    means = {name: {"base": 50.0, "new": 40.0, "hm": 44.4} for name in names}
    costs = {"parameters": 512, "seconds": 9.5, "memory": None, "knowledge": "unified"}
    return [
        {"method": name, "means": {k: dict(v) for k, v in means.items()}, "spreads": None} | costs
        for name in methods
    ]


@pytest.fixture
def runs(tmp_path, monkeypatch, in_root):
    """Planned runs of IVLP, whose results are VALUES."""
    monkeypatch.setattr(study, "DATASETS", tuple(VALUES))
    planned = study.planned("IVLP", (1, 2), tmp_path)
    for dataset, jobs in planned.items():
        for job, (base, new) in zip(jobs, VALUES[dataset], strict=True):
            job.folder.mkdir(parents=True)
            tests = {"base": {"accuracy": base}, "new": {"accuracy": new}}
            cost = {"parameters": 7, "train_seconds": 2.0, "test_seconds": 0.5}
            cost |= {"train_peak_gib": 1.5, "test_peak_gib": None}
            content = {"tests": tests, "cost": cost, "test_time_knowledge": "unified"}
            (job.folder / "results.json").write_text(json.dumps(content))
    return planned


def test_a_training_for_each_dataset_and_seed(runs):
    tail = "shots_16/IVLP/vit_t8_c2_ep20_batch4_4+4ctx"
    for dataset, jobs in runs.items():
        for seed, job in enumerate(jobs, 1):
            assert job.folder.parts[-6:] == ("train_base", dataset, *tail.split("/"), f"seed{seed}")
            cfg = job.config()
            assert seed == cfg.SEED and cfg.DATASET.SUBSAMPLE_CLASSES == "base"


def test_means_spreads_and_averages(runs):
    row = study.row("IVLP", runs)
    values = np.array([*VALUES.values()])  # (D, S, 2)
    average = values.mean(0)
    for name, found in zip((*VALUES, "average"), (*values, average), strict=True):
        hm = 2 * found.prod(1) / found.sum(1)
        for part, column in zip(study.PARTS, (*found.T, hm), strict=True):
            assert row["means"][name][part] == pytest.approx(column.mean())
            assert row["spreads"][name][part] == pytest.approx(column.std(ddof=1))
    costs = ("parameters", "seconds", "memory", "knowledge")
    assert [row[key] for key in costs] == [7, 10.0, 1.5, "unified"]
    assert "| digits | IVLP | 87.0 ± 4.2 | 55.0 ± 7.1 | 67.3 ± 6.6 |" in tables.by_dataset([row])
    assert "| **average** | IVLP | 69.5 ± 0.7 | 48.5 ± 2.1 | " in tables.by_dataset([row])
    assert " | 7 | 10 | 1.50 | unified |" in tables.by_method([row])


def test_a_method_without_an_answer_on_new_classes(tmp_path, monkeypatch, in_root):
    monkeypatch.setattr(study, "DATASETS", ("digits",))
    (job,) = study.planned("TaskRes", (1,), tmp_path)["digits"]
    assert "base2new/train_base/digits" in job.folder.as_posix()
    assert job.config().DATASET.SUBSAMPLE_CLASSES == "base"
    job.folder.mkdir(parents=True)
    cost = dict.fromkeys(
        ("parameters", "train_seconds", "test_seconds", "train_peak_gib", "test_peak_gib")
    )
    content = {
        "tests": {"base": {"accuracy": 60.0}},
        "cost": cost,
        "test_time_knowledge": "unified",
    }
    (job.folder / "results.json").write_text(json.dumps(content))
    row = study.row("TaskRes", {"digits": [job]})
    assert row["means"]["average"] == {"base": 60.0, "new": None, "hm": None}
    assert "| TaskRes | 60.0 | - | - | 60.0 / - | - | 0 | - | unified |" in tables.by_method([row])


def test_validation_tests_the_prompts_of_the_training(runs, tmp_path):
    for dataset, jobs in study.on_val("IVLP", runs, tmp_path).items():
        for job, train in zip(jobs, runs[dataset], strict=True):
            cfg = job.config()
            assert job.needs == train and Path(cfg.MODEL_DIR) == train.folder
            assert (cfg.TEST.SPLIT, cfg.DATASET.SUBSAMPLE_CLASSES) == ("val", "base")
            assert job.folder.is_relative_to(tmp_path / "val")
