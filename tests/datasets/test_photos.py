"""What one path of photos stands for, and what is said of paths that cannot be trained on."""

import os
import subprocess
import sys

import pytest

from datasets.photos import SHARES, has_test, settings
from tests.conftest import ROOT
from tests.datasets.roots import config, load, make_images

CLASSES = ("ape", "bat")
ROWS = "".join(f"{c}/{i}.png,{c}\n" for c in CLASSES for i in range(3))


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_images(tmp_path, *(f"photos/{c}/{i}.png" for c in CLASSES for i in range(3)))
    return tmp_path / "photos"


def keys(name, place, shares=SHARES):
    return {"DATASET.NAME": name, "DATASET.ROOT": str(place), "DATASET.SPLIT": shares}


def loaded(found):
    found = {key.removeprefix("DATASET."): value for key, value in found.items()}
    return load(found.pop("NAME"), found.pop("ROOT"), **found)


@pytest.mark.parametrize("typed", ["photos", "photos/", "./photos", "photos/../photos"])
def test_a_folder_of_class_folders_is_split(photos, typed):
    found = settings(typed)
    assert found == keys("ImageFolder", photos) == settings(photos)
    data = loaded(found)
    assert data.classnames == ["ape", "bat"] and len(data.train_x) + len(data.test) == 6


def test_the_home_folder(photos, monkeypatch):
    monkeypatch.setenv("HOME", str(photos.parent))
    assert settings("~/photos") == keys("ImageFolder", photos)


@pytest.mark.parametrize(
    ("names", "tested"),
    [(("Train", "Valid", "TEST"), 4), (("training", "dev"), 4), (("train",), 0)],
)
def test_a_folder_of_parts_is_not_split(tmp_path, names, tested):
    make_images(tmp_path, *(f"{p}/{c}/{i}.png" for p in names for c in CLASSES for i in (0, 1)))
    found = settings(tmp_path)
    assert found == keys("ImageFolder", tmp_path, ())
    assert len(loaded(found).test) == tested
    assert has_test(config(tmp_path, NAME="ImageFolder")) == bool(tested)


@pytest.mark.parametrize(
    ("header", "parts", "tested"),
    [
        ("Filename,Label", ("", "", ""), None),
        ("IMAGE,CATEGORY", ("", "", ""), None),
        ("file,class,Split", ("train", "validation", "testing"), 2),
        ("path,label,split", ("Training", "dev", "Dev"), 4),
        ("path,label,split", ("train", "TRAIN", "training"), 0),
    ],
)
def test_a_table_by_its_path(photos, header, parts, tested):
    rows = (f"{c}/{i}.png,{c},{p}".rstrip(",") for c in CLASSES for i, p in enumerate(parts))
    (photos / "table.csv").write_text("\n".join([header, *rows]))
    found = settings("photos/table.csv")
    assert found == keys("CSV", photos / "table.csv", SHARES if tested is None else ())
    data = loaded(found)
    assert data.classnames == ["ape", "bat"] and data.dataset_dir == str(photos)
    assert len(data.test) == tested if tested is not None else len(data.test) > 0
    split = found["DATASET.SPLIT"]
    assert has_test(config(photos / "table.csv", NAME="CSV", SPLIT=split)) == (tested != 0)


@pytest.mark.parametrize("counts", [(1, 1), (1, 2)])
def test_one_image_a_class_leaves_none_for_the_test(tmp_path, counts):
    paths = [f"{c}/{i}.png" for c, n in zip(CLASSES, counts, strict=True) for i in range(n)]
    make_images(tmp_path, *paths)
    (tmp_path / "t.csv").write_text("path,class\n" + "".join(f"{p},{p[:3]}\n" for p in paths))
    for typed in (tmp_path, tmp_path / "t.csv"):
        found = settings(typed)
        has = has_test(config(typed, NAME=found["DATASET.NAME"], SPLIT=SHARES))
        assert has == bool(loaded(found).test) == (counts != (1, 1))


def test_images_csv_comes_before_folders_and_these_before_other_tables(photos):
    (photos / "others.csv").write_text(f"path,class\n{ROWS}")
    assert settings(photos) == keys("ImageFolder", photos)
    (photos / "images.csv").write_text(f"path,class\n{ROWS}")
    assert settings(photos) == keys("CSV", photos / "images.csv")


def test_a_table_beside_one_folder_of_images(tmp_path):
    make_images(tmp_path, *(f"images/{i}.png" for i in range(4)))
    rows = "".join(f"images/{i}.png,{CLASSES[i % 2]}\n" for i in range(4))
    (tmp_path / "labels.csv").write_text(f"file,label\n{rows}")
    assert settings(tmp_path) == keys("CSV", tmp_path / "labels.csv")
    (tmp_path / "more.csv").write_text(f"file,label\n{rows}")
    with pytest.raises(ValueError, match="has the tables labels.csv, more.csv; give the path of"):
        settings(tmp_path)


@pytest.mark.parametrize(
    ("made", "typed", "message"),
    [
        ([], "photso", "no folder or table .*/photso; did you mean .*/photos?"),
        ([], "there/photos", "no folder or table .*/there/photos; check the path"),
        ([], "https://a.org/x.zip", "https://a.org/x.zip is a web address; download it, and give"),
        ([], "photos/ape/0.png", "ape/0.png is one image; give a folder that has a folder for"),
        (["a.zip"], "a.zip", "a.zip is an archive; unpack it, and give the folder"),
        (["a.tar.gz"], "a.tar.gz", "a.tar.gz is an archive"),
        (["a.csv"], "a.csv", "a.csv, line 1 has no column path, class"),
        (["empty/"], "empty", "empty has no class folders; put the images of each class into a"),
        (["loose/0.png"], "loose", "loose has 1 image, but no class folders; put"),
        (["a/b/cat/0.png", "a/b/dog/0.png"], "a", "a holds only b/; if .*, give .*/a/b$"),
        (["a/cat/0.png"], "a", "a has one class folder, cat/; a classifier needs two or more"),
        (["a/train/cat/0.png"], "a", "a/train has one class folder, cat/"),
        (["a/test/cat/0.png", "a/val/cat/0.png"], "a", "a has val/, test/ but no train/; make it"),
        (["a/train/0.png", "a/test/0.png"], "a", "a/train has 1 image, but no class folders"),
        (["a/cat/0.png", "a/dog/"], "a", "a/dog has no images .*; add some"),
        (["a/train/x/0.png", "a/train/y/0.png", "a/test/z/0.png"], "a", "test/z is not a class"),
        (["a/oxford_pets/images/0.png"], "a", "a has oxford_pets/, published datasets; name one"),
    ],
)
def test_what_cannot_be_trained_on_is_one_line(photos, made, typed, message):
    for name in made:
        if name.endswith(".png"):
            make_images(photos.parent, name)
        elif name.endswith("/"):
            (photos.parent / name).mkdir()
        else:
            (photos.parent / name).touch()
    with pytest.raises(ValueError, match=message) as error:
        settings(typed)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,class,split\nape/0.png,ape,test\n", "has no line with split train; add some"),
        ("path,class\nape/0.png,ape\n", "has one class, 'ape'; a classifier needs two or more"),
        ("path,class\n", "has no images; a classifier needs two or more"),
        ("path,class\nape/9.png,ape\n", "1 of 1 images are missing, the first is .*ape/9.png"),
        ("path,class\nape/0.png,\nape/1.png,\n", "line 2 is 'ape/0.png'; it needs a path, a class"),
        ("\0\1", "is not text"),
        ("PK\3\4", "is not a table but an Excel workbook; save it as CSV"),
    ],
)
def test_what_is_wrong_with_a_table(photos, text, message):
    (photos / "table.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        settings(photos / "table.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_opened(photos):
    os.mkfifo(photos / "pipe.csv")
    with pytest.raises(ValueError, match="pipe.csv is neither a folder nor a table"):
        settings(photos / "pipe.csv")


def test_nothing_heavy_is_imported():
    code = "import sys, datasets.photos; print({'torch', 'numpy', 'dassl'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
