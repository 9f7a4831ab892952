"""The same image under two labels, or in two parts, by content."""

import os

import pytest

from datasets import duplicates
from datasets.duplicates import problems
from datasets.splits import Item, Split
from tests.datasets.roots import load, make_root


def write(folder, **contents):
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def split(train, test, val=None):
    """From `name: label` of each part."""
    made = [
        [Item(name, label, f"class {label}") for name, label in part.items()] if part else None
        for part in (train, val, test)
    ]
    return Split(*made)


def test_copies_are_counted_by_label_and_by_part(tmp_path):
    write(tmp_path, a=b"one", b=b"one", c=b"two", d=b"two", e=b"three", f=b"four", g=b"one")
    found = list(
        problems(split({"a": 0, "b": 1, "c": 0}, {"d": 0, "e": 1, "g": 0}, {"f": 1}), tmp_path)
    )
    assert found == [
        "3 images are the same as one with another label: a (class 0) and b (class 1)",
        "2 images are in test and in train, too: g and a",
    ]


def test_each_pair_of_parts_is_looked_at(tmp_path):
    write(tmp_path, a=b"one", b=b"one", c=b"two", d=b"two")
    assert list(problems(split({"a": 0, "c": 0}, {"d": 0}, {"b": 0}), tmp_path)) == [
        "1 image is in test and in train, too: d and c",
        "1 image is in val and in train, too: b and a",
    ]
    assert list(problems(split({"c": 0}, {"b": 0}, {"a": 0}), tmp_path)) == [
        "1 image is in test and in val, too: b and a"
    ]


def test_one_file_named_twice_is_found_and_copies_of_one_label_in_one_part_are_not(tmp_path):
    write(tmp_path, a=b"one", b=b"one", c=b"two")
    assert list(problems(split({"a": 0, "b": 0}, {"c": 0}), tmp_path)) == []
    assert list(problems(split({"a": 0}, {"a": 0}), tmp_path)) == [
        "1 image is in test and in train, too: a and a"
    ]


def test_equal_sizes_and_equal_beginnings_are_not_enough(tmp_path):
    long = bytes(duplicates.BEGINNING)
    write(tmp_path, a=b"one", b=b"two", c=long + b"1", d=long + b"2")
    assert list(problems(split({"a": 0, "c": 0}, {"b": 1, "d": 1}), tmp_path)) == []


def test_only_files_of_equal_size_are_read(tmp_path, monkeypatch):
    read, real = [], duplicates._hash_of_beginning
    monkeypatch.setattr(
        duplicates, "_hash_of_beginning", lambda path: read.append(path) or real(path)
    )
    write(tmp_path, a=b"1", b=b"22", c=b"333", d=b"444")
    list(problems(split({"a": 0, "b": 0}, {"c": 0, "d": 0}), tmp_path))
    assert [os.path.basename(path) for path in read] == ["c", "d"]


def test_a_file_that_cannot_be_read_is_left_to_others(tmp_path):
    write(tmp_path, a=b"one")
    assert list(problems(split({"a": 0, "gone": 0}, {"gone": 0}), tmp_path)) == []


@pytest.mark.parametrize("kind", ["ImageFolder", "CSV"])
def test_own_data_says_so_and_a_key_makes_it_an_error(tmp_path, capsys, kind):
    from PIL import Image

    names = ["train/ape/0", "train/bat/0", "test/ape/0", "test/bat/0"]
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(parents=True)
        Image.new("RGB", (2, 2), (number % 3,) * 3).save(tmp_path / f"{name}.png")
    rows = [f"{name}.png,{name.split('/')[1]},{name.split('/')[0]}" for name in names]
    (tmp_path / "images.csv").write_text("\n".join(["path,class,split", *rows]))
    load(kind, tmp_path)
    line = "1 image is in test and in train, too: test/bat/0.png and train/ape/0.png"
    assert f"{tmp_path}: {line}\n" in capsys.readouterr().out
    with pytest.raises(
        ValueError, match=f"label: .*; {line}; remove copies, or set DATASET.REFUSE"
    ):
        load(kind, tmp_path, REFUSE_DUPLICATES=True)


def test_published_datasets_are_not_read(tmp_path, monkeypatch):
    make_root(tmp_path, "EuroSAT")
    monkeypatch.setattr(duplicates, "same_images", None)
    assert load("EuroSAT", tmp_path).train_x
