"""The README's five commands, from twenty photos to a trained, exported, reported classifier."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.conftest import ROOT

CLASSES = {"bird": "bird", "flower": "flower", "fruit": "fruit", "mammal": "wild mammal"}


@pytest.fixture
def checkout(tmp_path):
    """A working copy with this .venv, and drawings as photos."""
    for name in os.listdir(ROOT):
        if not name.startswith(".") and name not in ("output", "photos"):  # one's own
            (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for drawn, name in CLASSES.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for image in sorted((ROOT / "data/emoji/images" / drawn).iterdir())[:5]:
            (tmp_path / "photos" / name / image.name).write_bytes(image.read_bytes())
    return tmp_path


def commands():
    (block,) = re.findall(
        r"<!-- run by tests/test_own_photos.py -->\n```\n(.*?)```",
        (ROOT / "README.md").read_text(),
        re.S,
    )
    return block.splitlines()


def test_five_commands_from_photos_to_a_classifier(checkout):
    onnxruntime = pytest.importorskip("onnxruntime")
    setup, *others = commands()
    assert len(others) == 4
    assert "\nsetup: .venv/ready\n" in (ROOT / "Makefile").read_text() and setup == "make setup"
    environment = os.environ | {"PYTHONPATH": ""}
    said = []
    for command in others:
        # the interpreter itself, for the link in .venv does not bring its packages along
        words = [sys.executable, *shlex.split(command)[1:]]
        assert command.startswith(".venv/bin/python ")
        done = subprocess.run(words, cwd=checkout, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    trained, predicted, exported, reported = said
    assert "* total: 12\n" in trained  # 0.4 of twenty images, give or take
    rows = predicted.splitlines()
    assert len(rows) == 20
    found = [re.match(r"photos/(.*)/\S+ +[\d.]+% (.*?)  ", row).groups() for row in rows]
    right = sum(folder == best for folder, best in found)
    assert right >= 10  # 8 of them were trained on; by chance 5
    assert re.search(r"within \d+e-\d\d of PyTorch", exported)
    session = onnxruntime.InferenceSession(checkout / "output/photos/classifier.onnx")
    assert session.get_outputs()[0].shape[1] == 4
    page = (checkout / "output/photos/report.html").read_text()
    assert "written to output/photos/report.html" in reported
    accuracy = re.search(r"\* accuracy: ([\d.]+)%", trained)[1]
    assert f"{accuracy} %" in page and "wild mammal" in page
