import json
import random

import pytest

from datasets.splits import Item, Split, by_label, class_half, cut, read_split, split_text


def group(label, count, name="cat"):
    return [Item(f"images/{label}_{i}.jpg", label, name) for i in range(count)]


def test_groups_come_in_order_of_first_appearance():
    labels = [2, 0, 2, 1, 0]
    groups = by_label([Item(str(i), label, "") for i, label in enumerate(labels)])
    assert [[item.path for item in items] for items in groups] == [["0", "2"], ["1", "4"], ["3"]]


@pytest.mark.parametrize(("count", "sizes"), [(25, [12, 5, 8]), (35, [18, 7, 10]), (4, [2, 1, 1])])
def test_halves_are_rounded_to_the_even_side(count, sizes):
    assert [len(part) for part in cut([group(0, count)], (0.5, 0.2))] == sizes


def test_cut_deals_out_the_shuffled_class():
    random.seed(3)
    expected = group(0, 10)
    random.shuffle(expected)
    random.seed(3)
    val, train = cut([group(0, 10)], (0.2,))
    assert val + train == expected and len(val) == 2


def test_cut_of_too_small_a_class_names_it():
    message = r"class 'owl' has 2 images \(images/7_\d.jpg, ...\), too few for 3 parts; add"
    with pytest.raises(ValueError, match=message):
        cut([group(7, 2, "owl")], (0.5, 0.2))


def test_split_file_round_trip_keeps_form(tmp_path):
    split = Split(group(0, 2), group(0, 1), group(1, 1))
    text = split_text(split, "images")
    assert text.startswith('{\n    "train": [\n        [\n            "0_0.jpg",\n            0,\n')
    (tmp_path / "split.json").write_text(text)
    assert read_split(tmp_path / "split.json", "images") == split


def test_split_file_without_image_dir_keeps_paths(tmp_path):
    (tmp_path / "split.json").write_text(
        '{"train": [["cars_train/1.jpg", 3, "x"]], "val": [], "test": []}'
    )
    assert read_split(tmp_path / "split.json", "").train == [Item("cars_train/1.jpg", 3, "x")]


@pytest.mark.parametrize(
    "content",
    [
        {"train": []},
        [],
        {"train": [["a.jpg", 0]], "val": [], "test": []},
        {"train": 1, "val": [], "test": []},
    ],
)
def test_split_file_of_another_form(tmp_path, content):
    (tmp_path / "split.json").write_text(json.dumps(content))
    message = (
        r"split.json is not a split file .*\[path, label, class name\]: get the published file"
    )
    with pytest.raises(ValueError, match=message):
        read_split(tmp_path / "split.json", "images")


def test_base_is_the_larger_half_and_labels_start_from_zero():
    split = Split(
        [i for y in (5, 1, 3) for i in group(y, 1)], None, group(3, 1) + group(9, 1) + group(5, 2)
    )
    base, new = class_half(split, "base"), class_half(split, "new")
    assert [(i.path, i.label) for i in base.train] == [("images/1_0.jpg", 0), ("images/3_0.jpg", 1)]
    assert [(i.path, i.label) for i in base.test] == [("images/3_0.jpg", 1)]
    assert [(i.path, i.label) for i in new.train] == [("images/5_0.jpg", 0)]
    assert [i.label for i in new.test] == [0, 0]
    assert base.val is None
    assert class_half(split, "all") is split


def test_unknown_half_names_the_choices():
    with pytest.raises(
        ValueError, match="DATASET.SUBSAMPLE_CLASSES is 'novel'; it is one of all, base, new"
    ):
        class_half(Split(group(0, 1), None, group(0, 1)), "novel")


def test_new_half_of_one_class():
    with pytest.raises(ValueError, match="'new', but there is only one class; use 'all'"):
        class_half(Split(group(0, 1), None, group(0, 1)), "new")
