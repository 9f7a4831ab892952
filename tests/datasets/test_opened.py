"""Unreadable images of one's own stop a training before it starts, all of them, or are left out."""

import os
import re

import pytest

from datasets import opened
from tests.datasets.roots import items, load, make_images

NAMES = [
    f"{part}/{name}/{i}.png"
    for part, count in {"train": 4, "val": 2, "test": 3}.items()
    for name in ("ape", "bat")
    for i in range(count)
]


@pytest.fixture
def photos(tmp_path):
    make_images(tmp_path, *NAMES)
    return tmp_path


@pytest.fixture
def table(tmp_path):
    make_images(tmp_path, *NAMES)
    rows = "".join(f"{n},{n.split('/')[1]},{n.split('/')[0]}\n" for n in NAMES)
    (tmp_path / "images.csv").write_text("path,class,split\n" + rows)
    return tmp_path


def damage(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"not an image")


@pytest.fixture
def read(monkeypatch):
    """The names of the images that are opened."""
    names, read_image = [], opened.read_image

    def counted(path):
        names.append(os.path.basename(path))
        return read_image(path)

    monkeypatch.setattr(opened, "read_image", counted)
    return names


BAD = ("train/ape/1.png", "val/bat/0.png", "test/bat/2.png")


@pytest.mark.parametrize("kind", ["ImageFolder", "CSV"])
def test_all_unreadable_images_are_named_before_the_training(table, kind, capsys):
    if kind == "ImageFolder":
        (table / "images.csv").unlink()
    damage(table, *BAD)
    with pytest.raises(OSError, match="^3 of 18 images can't be read .DATASET.BAD_IMAGES") as error:
        load(kind, table)
    said = capsys.readouterr().out + str(error.value)
    assert all(f"image {table / name} can't be read" in said for name in BAD)
    assert len(re.findall("can't be read [(](?!DATASET)", said)) == 3


@pytest.mark.parametrize("kind", ["ImageFolder", "CSV"])
def test_they_are_left_out_with_a_count(table, kind, capsys):
    if kind == "ImageFolder":
        (table / "images.csv").unlink()
    damage(table, *BAD)
    data = load(kind, table, BAD_IMAGES="skip")
    assert [len(part) for part in (data.train_x, data.val, data.test)] == [7, 3, 5]
    assert ("1.png", 0, "ape") not in items(data.train_x)
    assert "1 of 8 in train, 1 of 4 in val, 1 of 6 in test" in capsys.readouterr().out


def test_shots_are_drawn_from_what_is_left(photos):
    damage(photos, "train/ape/0.png", "train/ape/1.png")
    data = load("ImageFolder", photos, 2, BAD_IMAGES="skip")
    apes = sorted(name for name, label, _ in items(data.train_x) if label == 0)
    assert apes == ["2.png", "3.png"] and len(data.train_x) == 4


def test_a_class_without_a_readable_image_is_refused(photos):
    damage(photos, *(f"train/bat/{i}.png" for i in range(4)))
    with pytest.raises(ValueError, match="1 of the labels have no training image: 1 .bat."):
        load("ImageFolder", photos, BAD_IMAGES="skip")


def test_what_opened_once_is_not_opened_again(photos, read, capsys):
    load("ImageFolder", photos)
    assert len(read) == 18 and "Opening 18 images once" in capsys.readouterr().out
    load("ImageFolder", photos, 1, seed=3)
    assert len(read) == 18 and "Opening" not in capsys.readouterr().out
    os.utime(photos / "test/ape/0.png", ns=(1, 1))
    make_images(photos, "train/bat/new.png")
    load("ImageFolder", photos)
    assert sorted(read[18:]) == ["0.png", "new.png"]


def test_unreadable_images_are_not_remembered(photos, read):
    damage(photos, "train/ape/0.png")
    for _ in range(2):
        with pytest.raises(OSError, match="^1 of 18 images can't be read"):
            load("ImageFolder", photos)
    assert read[18:] == ["0.png"]
    make_images(photos, "train/ape/0.png")
    load("ImageFolder", photos)


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b"{}", b"[" * 100_000])
def test_a_damaged_memory_is_written_again(photos, read, cache, content):
    load("ImageFolder", photos)
    (file,) = cache.glob(opened._name(photos))
    file.write_bytes(content)
    load("ImageFolder", photos)
    assert len(read) == 36
    load("ImageFolder", photos)
    assert len(read) == 36


def test_a_pipe_is_not_opened(photos):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes here")
    os.mkfifo(photos / "pipe.png")
    (problem,) = opened.unreadable([str(photos / "pipe.png")]).values()
    assert problem.endswith("pipe.png can't be read (not a file)")


def test_the_key_has_two_values(photos):
    with pytest.raises(
        ValueError, match="DATASET.BAD_IMAGES is 'ignore'; choose one of stop, skip"
    ):
        load("ImageFolder", photos, BAD_IMAGES="ignore")


def test_published_datasets_are_not_opened(read):
    from tests.conftest import ROOT

    load("Emoji", ROOT / "data")
    assert read == []


def test_a_file_name_cannot_pass_for_a_result(photos, capsys):
    name = "0\n=> result\n* accuracy: 99.0%\x1b[2K\r.png"
    damage(photos, f"train/ape/{name}")
    load("ImageFolder", photos, BAD_IMAGES="skip")
    shown = r"train/ape/0\n=> result\n* accuracy: 99.0%\x1b[2K\r.png"
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "=> result" in line] == [lines[1]]
    assert lines[1].startswith(f"Skipped: image {photos / shown} can't be read")
