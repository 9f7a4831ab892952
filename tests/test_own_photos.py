"""The README's commands, from twenty photos to a trained, exported, reported classifier."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

CLASSES = {"bird": "bird", "flower": "flower", "fruit": "fruit", "mammal": "wild mammal"}


CODE = ("promptsrc", "trainers", "datasets", "runs", "report", "configs")


@pytest.fixture
def checkout(tmp_path):
    """A copy of the project with this .venv, and drawings as photos."""
    for name in CODE:
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("train.py", "predict.py"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for drawn, name in CLASSES.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for image in sorted((ROOT / "data/emoji/images" / drawn).iterdir())[:5]:
            (tmp_path / "photos" / name / image.name).write_bytes(image.read_bytes())
    return tmp_path


def block(comment):
    """The code block of the README that follows a comment."""
    pattern = rf"<!-- {re.escape(comment)} -->\n```\n(.*?)```"
    (found,) = re.findall(pattern, (ROOT / "README.md").read_text(), re.S)
    return found


def words_of(text):
    """Without numbers and the lengths of lines, which may differ on another machine."""
    return re.sub(r"[\d.]+", "0", text).split()


def named(text):
    """In one line, without numbers, and with one name for each class that is found."""
    return re.sub("|".join(CLASSES.values()), "class", " ".join(words_of(text)))


def test_three_commands_from_photos_to_a_classifier_and_what_they_suggest(checkout):
    onnxruntime = pytest.importorskip("onnxruntime")
    environment = os.environ | {"PYTHONPATH": ""}

    def run(command):
        assert command.startswith(".venv/bin/python ")
        # the interpreter itself, for the link in .venv does not bring its packages along
        words = [sys.executable, *shlex.split(command, comments=True)[1:]]
        done = subprocess.run(words, cwd=checkout, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    setup, train, predict = block("run by tests/test_own_photos.py").splitlines()
    assert "\nsetup: .venv/ready\n" in (ROOT / "Makefile").read_text() and setup == "make setup"
    trained = run(train).replace(sys.executable, ".venv/bin/python")
    shown = block("printed by train.py in tests/test_own_photos.py")
    end = "Training did not help|Next:"  # another machine may train otherwise
    found, expected = (words_of(re.split(end, text)[0]) for text in (trained, shown))
    assert found == expected
    log = (checkout / "output/photos/log.txt").read_text()
    assert "* total: 12\n" in log and "epoch [20/20]" in log and "VERSION: 1" in log

    predicted = run(predict)
    *first, summary = block("printed by predict.py in tests/test_own_photos.py").split("...\n")
    rows, end = predicted.split("\n\n")
    assert named(rows).startswith(named("".join(first))) and named(end) == named(summary)
    *rows, _, summary = predicted.splitlines()
    assert len(rows) == 20 and sum(row.endswith("(trained on)") for row in rows) == 8
    assert re.match(r"20 images in [\d.]+ s: .*; 8 of them were trained on$", summary)
    found = [re.match(r"photos/(.*)/\S+ +[\d.]+% (.*?)  ", row).groups() for row in rows]
    assert sum(folder == best for folder, best in found) >= 10  # by chance 5

    *_, report, export = trained.splitlines()
    assert re.search(r"within \d+e-\d\d of PyTorch", run(export.strip()))
    session = onnxruntime.InferenceSession(checkout / "output/photos/classifier.onnx")
    assert session.get_outputs()[0].shape[1] == 4
    assert "written to output/photos/report.html" in run(report.strip())
    page = (checkout / "output/photos/report.html").read_text()
    accuracy = re.search(r"\* accuracy: ([\d.]+)%", log)[1]
    assert f"{accuracy} %" in page and "wild mammal" in page
