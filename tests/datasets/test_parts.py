"""Names of the folders train/, val/ and test/, and what else class folders may hold."""

import os

import pytest
from dassl.data.datasets import DATASET_REGISTRY

from datasets.parts import part_of, parts_in
from tests.datasets.roots import config, items, load, make_images

SHARES = (0.6, 0, 0.4)


def photos(root, *places, count=2):
    make_images(
        root, *(f"{p}/{c}/{i}.png" for p in places for c in ("ape", "bat") for i in range(count))
    )
    return root


@pytest.mark.parametrize(
    "train, val, test",
    [
        ("train", "valid", "test"),
        ("Training", "Validation", "Testing"),
        ("TRAIN", "dev", "TEST"),
        ("training_set", "val_set", "test-set"),
        ("Train_images", "val data", "test-images"),
    ],
)
def test_parts_have_the_names_that_people_give_them(tmp_path, train, val, test):
    photos(tmp_path, train)
    photos(tmp_path, val, count=1)
    photos(tmp_path, test, count=3)
    data = load("ImageFolder", tmp_path)
    assert [len(part) for part in (data.train_x, data.val, data.test)] == [4, 2, 6]
    assert data.classnames == ["ape", "bat"]
    with pytest.raises(
        ValueError, match=f"has {train}/, {val}/, {test}/, so DATASET.SPLIT .* remove"
    ):
        load("ImageFolder", tmp_path, SPLIT=SHARES)


@pytest.mark.parametrize(
    "name", ["trains", "tests", "training day", "latest", "value", "set", "dev2"]
)
def test_other_names_are_not_parts(name):
    assert part_of(name) is None


@pytest.mark.parametrize(
    "places", [("train", "val"), ("Training", "Testing"), ("train",), ("test",)]
)
def test_parts_are_not_taken_for_classes(tmp_path, places):
    photos(tmp_path, *places)
    with pytest.raises(
        ValueError, match=f"has {', '.join(f'{p}/' for p in places)}, so DATASET.SPLIT"
    ):
        load("ImageFolder", tmp_path, SPLIT=SHARES)


@pytest.mark.parametrize("other", ["eval", "holdout"])
def test_a_part_of_an_unknown_name_is_not_taken_for_a_class(tmp_path, other):
    photos(tmp_path, "TRAIN", other)
    with pytest.raises(ValueError, match="has TRAIN/, so DATASET.SPLIT .* does not apply"):
        load("ImageFolder", tmp_path, SPLIT=SHARES)


def test_folders_that_look_like_parts_are_named(tmp_path, capsys):
    photos(tmp_path, "fold_1", "fold_2", count=3)
    assert load("ImageFolder", tmp_path, SPLIT=SHARES).classnames == ["fold_1", "fold_2"]
    said = "the folders fold_1, fold_2 hold folders of the same names, and are taken for classes"
    assert said in capsys.readouterr().out
    make_images(tmp_path / "fold_1", "0.png")  # an image of its own: a class
    load("ImageFolder", tmp_path, SPLIT=SHARES)
    assert "taken for classes" not in capsys.readouterr().out


def test_a_train_is_a_class_beside_cars(tmp_path):
    make_images(tmp_path, *(f"{c}/{i}.png" for c in ("car", "train") for i in range(3)))
    assert load("ImageFolder", tmp_path, SPLIT=SHARES).classnames == ["car", "train"]


def test_without_a_test_part_the_validation_part_is_tested_on(tmp_path, capsys):
    photos(tmp_path, "train")
    photos(tmp_path, "valid", count=3)
    data = load("ImageFolder", tmp_path)
    assert (len(data.train_x), data.val, len(data.test)) == (4, None, 6)
    assert f"{tmp_path} has no test/; valid/ is tested on\n" in capsys.readouterr().out


@pytest.mark.parametrize("loose", [(), ("test/0.png", "test/1.png")])
def test_train_alone_is_trained_on_and_nothing_is_tested(tmp_path, capsys, loose):
    make_images(photos(tmp_path, "Train"), *loose)
    data = load("ImageFolder", tmp_path)
    assert (len(data.train_x), data.val, data.test) == (4, None, [])
    said = capsys.readouterr().out
    assert f"{tmp_path} has no test/ with class folders, so nothing is tested; a run on " in said
    assert "without test images" not in said


def test_dassl_pytorch_needs_a_test_part(tmp_path):
    cfg = config(photos(tmp_path, "train"))
    del cfg.INPUT["READ_AS"]  # Dassl.pytorch has no such key
    with pytest.raises(ValueError, match="has no test part, which Dassl.pytorch needs; add one"):
        DATASET_REGISTRY.get("ImageFolder")(cfg)


def test_classes_without_test_images_are_named(tmp_path, capsys):
    photos(tmp_path, "train", "test")
    make_images(tmp_path, "train/cow/0.png", "train/dodo/0.png")
    load("ImageFolder", tmp_path)
    assert "Classes without test images: cow, dodo\n" in capsys.readouterr().out


def test_a_part_without_images_of_its_own_is_one_beside_any_folder(tmp_path):
    photos(tmp_path, "train")
    make_images(tmp_path, "unlabelled/0.png")
    assert parts_in(tmp_path) == {"train": "train"}
    make_images(tmp_path, "train/0.png")  # vehicles
    assert parts_in(tmp_path) == {}


@pytest.mark.parametrize(
    "both", [("val", "validation"), ("Train", "training"), ("test", "Testing")]
)
def test_two_folders_for_one_part_are_refused(tmp_path, both):
    photos(tmp_path, "train", "test", *both)
    with pytest.raises(ValueError, match=r"has both \w+/ and \w+/; join them"):
        load("ImageFolder", tmp_path)


def test_what_is_passed_over_is_counted(tmp_path, capsys):
    photos(tmp_path, "train", "test", "unlabelled")
    make_images(tmp_path, "train/loose.png", "cover.png", "test/loose.png")
    for name in ("train/ape/x.svg", "test/bat/Thumbs.db", "train/__MACOSX/ape/0.png", "test/bat/a"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert load("ImageFolder", tmp_path).classnames == ["ape", "bat"]
    line = (
        f"{tmp_path}: passed over 2 outside the class folders, 1 .svg (convert to .png), "
        "1 folder unlabelled/ beside train/ and test/, 1 without a usual ending\n"
    )
    assert line in capsys.readouterr().out


def test_a_class_of_iphone_photos_is_told_what_to_do(tmp_path, monkeypatch):
    from promptsrc.inference import endings

    monkeypatch.setattr(endings, "SUFFIXES", endings.SUFFIXES - endings.HEIC)
    photos(tmp_path, "train", "test")
    (tmp_path / "train/cat").mkdir()
    for number in range(5):
        (tmp_path / f"train/cat/IMG_{number}.HEIC").touch()
    message = r"train/cat has no images \(passed over 5 .heic \(install pillow-heif or convert\)\)"
    with pytest.raises(ValueError, match=message):
        load("ImageFolder", tmp_path)


def test_folders_below_class_folders_are_of_that_class(tmp_path, capsys):
    photos(tmp_path, "train", "test")
    make_images(tmp_path, "train/ape/2020/may/0.png", "train/ape/old/1.png")
    data = load("ImageFolder", tmp_path)
    assert items(data.train_x)[:4] == [(f"{i}.png", 0, "ape") for i in (0, 1, 0, 1)]
    assert (
        f"{tmp_path}: 2 images are in folders below the class folders, such as train/ape/2020"
        in (capsys.readouterr().out)
    )


@pytest.mark.parametrize("place, keys", [("photos", {"SPLIT": SHARES}), ("train/all", {})])
def test_a_folder_around_the_classes_is_not_the_only_class(tmp_path, place, keys):
    photos(tmp_path, place, "test") if "train" in place else photos(tmp_path, place)
    with pytest.raises(
        ValueError, match=f"{place} is the only class folder, and its images are in"
    ):
        load("ImageFolder", tmp_path, **keys)


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff\xfe", b"train\x80"])
def test_a_class_folder_whose_name_is_not_utf_8_is_named(tmp_path, name):
    photos(tmp_path, "train", "test")
    try:
        os.mkdir(os.fsencode(tmp_path / "train") + b"/" + name)
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    with pytest.raises(
        ValueError, match=r"folder '.*\\\\udc.*' in .*/train has a name that is not"
    ):
        load("ImageFolder", tmp_path)


def test_a_folder_that_cannot_be_read_stops_a_training(tmp_path, monkeypatch):
    photos(tmp_path, "train", "test", "train/ape/2020")
    real = os.scandir

    def scandir(path):  # root may read everything
        if str(path).rstrip("/").endswith("ape/2020"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(OSError, match="1 of 9 images can't be read .*train/ape/2020 can't be read"):
        load("ImageFolder", tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_in_class_folders_are_passed_over(tmp_path, capsys):
    photos(tmp_path, "train", "test")
    os.mkfifo(tmp_path / "train/ape/pipe.png")
    assert len(load("ImageFolder", tmp_path).train_x) == 4
    assert "passed over 1 pipe(s) or device(s)\n" in capsys.readouterr().out
