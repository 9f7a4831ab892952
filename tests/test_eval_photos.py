"""train.py --eval-only on labelled images of one's own that have no training part."""

import json
import re
import shutil

import pytest
import torch

import promptsrc
import train
from promptsrc.inference.reader import read_image
from tests.conftest import ROOT

FOUR = ("bird", "drink", "flower", "fruit")


def photos(folder, names, count=4, first=10):
    for name in names:
        (folder / name).mkdir(parents=True)
        for image in sorted((ROOT / "data/emoji/images" / name).iterdir())[first : first + count]:
            shutil.copy(image, folder / name)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """`photos`, a CoOp run on them as `run`, and other images in several forms."""
    place = tmp_path_factory.mktemp("place")
    photos(place / "photos", FOUR[:3], first=0, count=6)
    words = [str(place / "photos"), "--trainer", "CoOp", "--output-dir", str(place / "run")]
    assert train.main([*words, "OPTIM.MAX_EPOCH", "1", "DATASET.NUM_SHOTS", "2"]) == 0
    for name, classes in (("parts/test", FOUR[:3]), ("parts/val", FOUR[:1]), ("two", FOUR[1:3])):
        photos(place / name, classes)
    photos(place / "validation" / "val", FOUR[:3])
    photos(place / "one", FOUR[:1])
    photos(place / "mixed", FOUR)
    photos(place / "other", ("tool", "toy", "train"))
    rows = [f"{path},{path.parent.name}" for path in sorted((place / "parts/test").rglob("*.png"))]
    lines = {"plain": ["path,class", *rows], "stated": ["path,class,split"]}
    lines["stated"] += [f"{row},test" for row in rows]
    for name, text in lines.items():
        (place / f"{name}.csv").write_text("\n".join(text))
    return place


def result_of(place, output, *words):
    """The content of results.json, and the log."""
    line = ["--eval-only", "--model-dir", str(place / "run"), "--output-dir", str(output), *words]
    assert train.main(list(map(str, line))) == 0
    found = json.loads((output / "results.json").read_text(encoding="utf-8"))
    return found, (output / "log.txt").read_text()


def accuracy(run, folder, names):
    """Of all images in class folders among these names, by `promptsrc.load`."""
    classifier, files = promptsrc.load(run, "cpu"), sorted(folder.glob("*/*.png"))
    opened = (read_image(str(file), classifier.preprocess.read_as) for file in files)
    images = torch.stack([classifier.preprocess(image) for image in opened])
    with torch.no_grad():
        predicted = classifier.model(names).classify(images).argmax(1).tolist()
    right = sum(names[i] == f.parent.name for i, f in zip(predicted, files, strict=True))
    return 100 * right / len(files)


SHORT = ["parts/test", "parts", "validation", "plain.csv", "stated.csv"]
LONG = {  # the root, and pairs
    "ImageFolder": ["parts"],
    "ImageFolder of folders": ["parts/test"],
    "ImageFolder below": [".", "DATASET.FOLDER", "parts"],
    "ImageFolder with shares": ["parts/test", "DATASET.SPLIT", "(0, 0, 1)"],
    "CSV": [".", "DATASET.CSV_FILE", "plain.csv"],
    "CSV with parts": ["stated.csv"],
}


def long_form(place, form):
    root, *pairs = LONG[form]
    words = ["--root", str(place / root), "--trainer", "CoOp", "--backbone", "ViT-T/8-v2"]
    return [*words, "DATASET.NAME", form.partition(" ")[0], *pairs]


@pytest.mark.parametrize("form", [*SHORT, "--root", *LONG])
def test_all_images_are_tested(place, in_root, tmp_path, form):
    words = [place / form] if form in SHORT else ["--root", place / "parts"]
    words = long_form(place, form) if form in LONG else words
    found, log = result_of(place, tmp_path, *words)
    assert found["trainer"] == "CoOp" and list(found["tests"]) == ["all"]
    assert found["tests"]["all"]["images"] == 12
    expected = accuracy(place / "run", place / "parts/test", list(FOUR[:3]))
    assert found["tests"]["all"]["accuracy"] == pytest.approx(expected)
    assert "trained on" not in log and not list(place.rglob("parts/**/split_fewshot"))


@pytest.mark.parametrize("folder, count", [("two", 2), ("one", 1)])
def test_some_of_the_trained_classes_are_also_told_among_all(place, tmp_path, folder, count):
    found, log = result_of(place, tmp_path, place / folder)
    expected = accuracy(place / "run", place / folder, list(FOUR[:3]))
    assert found["tests"]["trained"]["accuracy"] == pytest.approx(expected)
    assert f"* Among all 3 trained classes: {expected:.1f}%" in log
    assert f"* among {count} of the 3 trained classes" in log
    assert found["tests"]["all"]["classes"] == count


def test_unknown_classes_are_tested_by_their_names(place, tmp_path):
    found, log = result_of(place, tmp_path / "mixed", place / "mixed")
    assert list(found["tests"]) == ["base", "new", "all"] and "openworld" in found
    assert found["tests"]["all"]["accuracy"] == pytest.approx(
        accuracy(place / "run", place / "mixed", list(FOUR))
    )
    assert "* Among the one new class: 100.0%" in log
    found, log = result_of(place, tmp_path / "other", place / "other")
    assert list(found["tests"]) == ["all"]
    assert found["tests"]["all"]["accuracy"] == pytest.approx(
        accuracy(place / "run", place / "other", ["tool", "toy", "train"])
    )
    assert "among 3 classes, none of them among the 3 trained" in log


def test_the_photos_of_the_training_are_tested_where_they_were_held_back(place, tmp_path):
    found, log = result_of(place, tmp_path / "same", place / "photos")
    of_run = json.loads((place / "run" / "results.json").read_text())
    assert found["tests"]["all"]["per_class"] == of_run["tests"]["all"]["per_class"]
    assert "trained on" not in log
    copied = shutil.copytree(place / "photos", tmp_path / "copied")
    found, log = result_of(place, tmp_path / "again", copied)
    assert found["tests"]["all"]["images"] == 18
    assert re.search(r"^Note: the run was trained on 6 of the 18 test images$", log, re.M)


def test_a_short_line_has_a_folder_of_its_own(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(place / "run", tmp_path / "output" / "photos")
    photos(tmp_path / "holiday", FOUR[:2])
    page = (ROOT / "docs" / "PREDICT.md").read_text()
    [line] = re.findall(r"python train\.py (--eval-only .*)", page)
    assert train.main(line.split()) == 0
    found = json.loads((tmp_path / "output" / "photos-on-holiday" / "results.json").read_text())
    assert found["tests"]["trained"]["images"] == 8


def test_a_training_that_was_stopped_is_not_tested_unasked(place, tmp_path, capsys):
    stopped = shutil.copytree(place / "run", tmp_path / "run")
    log = (stopped / "log.txt").read_text()
    (stopped / "log.txt").write_text(log.partition("Finish training")[0])
    words = ["--eval-only", str(place / "two"), "--output-dir", str(tmp_path / "out")]
    assert train.main([*words, "--model-dir", str(stopped)]) == 1
    assert "has no best checkpoint" in capsys.readouterr().err
    assert train.main([*words, "--model-dir", str(stopped), "--load-epoch", "1"]) == 0


def test_images_without_a_training_part_are_not_trained_on(place, in_root, tmp_path, capsys):
    output = ["--output-dir", str(tmp_path / "out")]
    assert train.main([*output, *long_form(place, "ImageFolder with shares")]) == 1
    assert "ImageFolder is for tests only" in capsys.readouterr().err
    assert train.main([str(place / "parts"), *output]) == 2
    assert re.search("has [a-z/, ]+ but no train/", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_zero_shot_clip_needs_no_run(place, in_root, tmp_path):
    line = ["--eval-only", str(place / "one"), "--trainer", "ZeroshotCLIP"]
    assert train.main([*line, "--output-dir", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["tests"]["all"]["images"] == 4 and found["cost"]["parameters"] == 0
