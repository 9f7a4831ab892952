"""The demo's table and figure, with zero-shot CLIP alone."""

import json
from typing import NamedTuple

import numpy as np
from PIL import Image

import demo
from tools.embedded import study
from tools.embedded.figure import draw, table


def test_table_and_figure(in_root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "METHODS", ("ZeroshotCLIP",))
    assert demo.main(["--output-dir", str(tmp_path)]) == 0
    folder = tmp_path / "demo"
    (row,) = json.loads((folder / "table.json").read_text())
    assert row == {"method": "ZeroshotCLIP", "base": 51.1, "new": 47.9, "hm": 49.4, "parameters": 0}
    assert "| ZeroshotCLIP | 51.1 | 47.9 | 49.4 | 0 |" in (folder / "table.md").read_text()
    assert (folder / "table.md").read_text() in capsys.readouterr().out
    with Image.open(folder / "figure.png") as figure:
        assert figure.size == (1500, 840)
        assert len(figure.convert("RGB").getcolors(1 << 20)) > 1000  # drawings, bars and text


def test_means_have_their_spread(in_root, tmp_path, monkeypatch, capsys):
    accuracies = {1: (50.0, 40.0), 2: (52.0, 44.0), 3: (57.0, 39.0)}

    def finished(study, workers):
        for each in (tests for runs in study.values() for tests in runs):
            for job, value in zip(each, accuracies[job_seed(each[0])], strict=True):
                job.folder.mkdir(parents=True)
                (job.folder / "log.txt").write_text(
                    f"Finish training\n=> result\n* accuracy: {value}%\n"
                )

    monkeypatch.setattr(study, "run", finished)
    monkeypatch.setattr(study.layout, "is_zero_shot", lambda trainer: trainer == "ZeroshotCLIP")
    monkeypatch.setattr("promptsrc.inference.prompt_file.read_prompts", lambda _: Prompts(7))
    zero_shot, ivlp = study.measured(("ZeroshotCLIP", "IVLP"), (1, 2, 3), tmp_path)
    values = np.array([*accuracies.values()])
    hms = 2 * values.prod(1) / values.sum(1)
    columns = dict(zip(("base", "new", "hm"), (*values.T, hms), strict=True))
    for key, column in columns.items():
        assert ivlp[key] == zero_shot[key] == round(column.mean(), 1)
        assert ivlp["spread"][key] == round(column.std(ddof=1), 1)
    assert (ivlp["parameters"], zero_shot["parameters"], "spread" in zero_shot) == (7, 0, False)
    assert "| IVLP | 53.0 ± 3.6 | 41.0 ± 2.6 |" in table([zero_shot, ivlp])
    draw([zero_shot, ivlp], demo.DATA / demo.DATASET, "split_zhou_Emoji.json", tmp_path / "f.png")


class Prompts(NamedTuple):
    parameters: int


def job_seed(job):
    return int(job.folder.name.removeprefix("seed"))


def test_every_method_is_compared():
    from dassl.engine import TRAINER_REGISTRY

    import trainers.register  # noqa: F401

    ours = {
        name
        for name in TRAINER_REGISTRY.registered_names()
        if TRAINER_REGISTRY.get(name).__module__.startswith("trainers.")
    }
    assert set(demo.trainers()) == ours


def test_a_method_without_new_classes_and_many_methods(tmp_path):
    row = {"method": "TaskRes", "base": 60.0, "new": None, "hm": None, "parameters": 2048}
    row |= {"seconds": 9.5, "memory": None, "knowledge": "unified"}
    assert "| TaskRes | 60.0 | - | - | 2,048 | 10 | - | unified |" in table([row])
    names = sorted(demo.trainers())
    both = {"new": 50.0, "hm": 54.5}
    rows = [row | {"method": name} | (both if name != "TaskRes" else {}) for name in names]
    draw(rows, demo.DATA / demo.DATASET, "split_zhou_Emoji.json", tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as figure:
        assert figure.size == (1500, 840)
