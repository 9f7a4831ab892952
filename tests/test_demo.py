"""The demo's table and figure, with zero-shot CLIP alone."""

import json

from PIL import Image

import demo
from tools.embedded.figure import draw, table


def test_table_and_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "METHODS", ("ZeroshotCLIP",))
    assert demo.main(["--output-dir", str(tmp_path)]) == 0
    folder = tmp_path / "demo"
    (row,) = json.loads((folder / "table.json").read_text())
    assert row.pop("seconds") > 0 and 0.1 < row.pop("memory") < 8
    assert row == {
        "method": "ZeroshotCLIP",
        "base": 51.1,
        "new": 47.9,
        "hm": 49.4,
        "parameters": 0,
        "knowledge": "unified",
    }
    assert "| ZeroshotCLIP | 51.1 | 47.9 | 49.4 | 0 |" in (folder / "table.md").read_text()
    assert (folder / "table.md").read_text() in capsys.readouterr().out
    with Image.open(folder / "figure.png") as figure:
        assert figure.size == (1500, 840)
        assert len(figure.convert("RGB").getcolors(1 << 20)) > 1000  # drawings, bars and text


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
