"""The demo on all embedded datasets: its tables, its figures, its runs."""

import json

import pytest
from PIL import Image

import demo
from promptsrc.clip.frozen import load_clip
from tests.tools.test_study import made_rows
from tools.embedded import figure, study
from tools.embedded.evaluate import DOMAINS, zero_shot


def test_zero_shot_table_and_figure(in_root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "METHODS", ("ZeroshotCLIP", "ZeroshotCLIP2"))
    assert demo.main(["--output-dir", str(tmp_path)]) == 0
    folder = tmp_path / "demo"
    row, _ = json.loads((folder / "table.json").read_text())
    clip = load_clip("ViT-T/8-v2")
    for domain in DOMAINS:
        found, means = zero_shot(clip, domain, "test"), row["means"][domain.name]
        assert (means["base"], means["new"]) == pytest.approx((found.base, found.new), abs=1e-3)
    table = (folder / "table.md").read_text()
    assert f"| **average** | ZeroshotCLIP | {row['means']['average']['base']:.1f} | " in table
    assert table in capsys.readouterr().out
    with Image.open(folder / "figure.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 1000  # images and text


@pytest.mark.slow
def test_every_kind_of_method_is_compared(in_root, tmp_path, monkeypatch, capsys):
    methods = ["TaskRes", "VPT", "ZeroshotCLIP"]
    monkeypatch.setattr(demo, "trainers", lambda: methods)
    monkeypatch.setattr(study, "DATASETS", ("digits",))
    planned = study.planned
    quick = ("OPTIM.MAX_EPOCH", "1")
    monkeypatch.setattr(study, "planned", lambda *words: planned(*words, quick))
    assert demo.main(["--compare", "--output-dir", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "compare" / "table.json").read_text())
    task_res, vpt, zero_shot_row = rows
    assert [row["method"] for row in rows] == methods
    assert task_res["means"]["digits"]["new"] is task_res["means"]["average"]["hm"] is None
    assert (task_res["parameters"], zero_shot_row["parameters"]) == (5 * 128, 0)
    assert all(20 < row["means"]["average"]["base"] <= 100 for row in rows)
    assert vpt["seconds"] > 0 and vpt["memory"] > 0.1 and vpt["knowledge"] == "unified"
    base, new, hm = vpt["means"]["digits"].values()
    assert hm == pytest.approx(2 * base * new / (base + new))
    assert "| TaskRes |" in capsys.readouterr().out
    assert (tmp_path / "compare" / "figure.png").is_file()


def test_every_method_is_compared():
    from dassl.engine import TRAINER_REGISTRY

    import trainers.register  # noqa: F401

    ours = {
        name
        for name in TRAINER_REGISTRY.registered_names()
        if TRAINER_REGISTRY.get(name).__module__.startswith("trainers.")
    }
    assert set(demo.trainers()) == ours


def test_figures_of_many_methods_and_of_one_seed(tmp_path, in_root):
    rows = made_rows(*sorted(demo.trainers()))
    rows[3]["means"]["average"]["new"] = rows[3]["means"]["average"]["hm"] = None
    figure.draw_methods(rows, tmp_path / "methods.png")
    figure.draw_effect(made_rows("ZeroshotCLIP", "IVLP", "PromptSRC"), tmp_path / "effect.png")
    for name, size in {"methods": (1500, 840), "effect": (1807, 840)}.items():
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.size == size
