"""Your own images, in class folders or in a table, by configuration only."""

import json
import re

import pytest

from tests.conftest import ROOT
from tests.datasets.roots import items, load, make_images

PARTS = [
    f"{part}/{name}/{i}.png"
    for part, count in {"train": 3, "val": 1, "test": 2}.items()
    for name in ("ape", "bat")
    for i in range(count)
]


@pytest.fixture
def parts(tmp_path):
    make_images(tmp_path / "mine", *PARTS)
    return tmp_path


def folder(root, *args, **keys):
    return load("ImageFolder", root, *args, FOLDER="mine", **keys)


def test_folders_are_the_split_and_name_the_classes(parts):
    (parts / "mine" / "train" / "ape" / "notes.txt").touch()
    (parts / "mine" / "train" / ".hidden").mkdir()
    data = folder(parts)
    assert data.classnames == ["ape", "bat"]
    assert items(data.train_x) == [
        (f"{i}.png", label, name) for label, name in enumerate(("ape", "bat")) for i in range(3)
    ]
    assert [len(part) for part in (data.val, data.test)] == [2, 4]


def test_val_is_optional_and_shots_and_halves_apply(parts):
    for file in (parts / "mine" / "val").glob("*/*"):
        file.unlink()
    for name in ("val/ape", "val/bat", "val"):
        (parts / "mine" / name).rmdir()
    data = folder(parts, 1, "new")
    assert (data.classnames, len(data.train_x), data.val, len(data.test)) == (["bat"], 1, None, 2)


def test_class_names_come_from_a_json_file(parts):
    (parts / "mine" / "names.json").write_text(json.dumps({"ape": "great ape", "bat": "fruit bat"}))
    assert folder(parts, CLASS_NAMES="names.json").classnames == ["great ape", "fruit bat"]
    (parts / "mine" / "names.json").write_text(json.dumps({"ape": "great ape"}))
    with pytest.raises(
        ValueError, match="names.json .DATASET.CLASS_NAMES. has no name for folder 'bat'; it needs"
    ):
        folder(parts, CLASS_NAMES="names.json")
    (parts / "mine" / "names.json").write_text(json.dumps({"ape": "great ape", "bat": " "}))
    with pytest.raises(ValueError, match="has no name for folder 'bat'"):
        folder(parts, CLASS_NAMES="names.json")


def test_one_folder_is_split_by_stated_shares_the_same_for_every_seed(tmp_path):
    make_images(
        tmp_path / "mine", *(f"{name}/{i}.png" for name in ("ape", "bat") for i in range(30))
    )
    data = folder(tmp_path, SPLIT=(0.5, 0.2, 0.3))
    assert [len(part) for part in (data.train_x, data.val, data.test)] == [25, 16, 19]
    again = folder(tmp_path, seed=7, SPLIT=(0.5, 0.2, 0.3))
    assert [items(data.train_x), items(data.test)] == [items(again.train_x), items(again.test)]
    assert folder(tmp_path, SPLIT=(0.5, 0.0, 0.5)).val is None
    few = folder(tmp_path, 2, SPLIT=(0.5, 0.2, 0.3))  # the cache of its shots is not a class
    assert (len(few.train_x), few.classnames) == (4, ["ape", "bat"])
    assert folder(tmp_path, 2, SPLIT=(0.5, 0.2, 0.3)).classnames == ["ape", "bat"]


@pytest.mark.parametrize(
    "change, keys, message",
    [
        (
            lambda mine: None,
            {"SPLIT": (0.5, 0.2, 0.3)},
            "has train/, val/, test/, so DATASET.SPLIT .* does not apply; remove it",
        ),
        (
            lambda mine: (mine / "train").rename(mine / "trains"),
            {},
            "mine has no train/; make train/ and test/",
        ),
        (
            lambda mine: make_images(mine, "test/cat/0.png"),
            {},
            "test/cat is not a class: train/ has no such folder; add it",
        ),
        (lambda mine: (mine / "train" / "cat").mkdir(), {}, "train/cat has no images .*; add some"),
    ],
)
def test_a_folder_that_does_not_fit_says_what_to_do(parts, change, keys, message):
    change(parts / "mine")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        folder(parts, **keys)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.5, 0.2, 0.2), (1.2, -0.4, 0.2)])
def test_shares_are_three_and_sum_to_one(tmp_path, shares):
    make_images(tmp_path / "mine", "ape/0.png")
    with pytest.raises(ValueError, match="DATASET.SPLIT is .*; give shares of train, val and test"):
        folder(tmp_path, SPLIT=shares)


def test_no_such_folder_names_both_keys(tmp_path):
    message = (
        "theirs is not a folder; it is made of --root .DATASET.ROOT., .* DATASET.FOLDER, 'theirs'"
    )
    with pytest.raises(FileNotFoundError, match=message):
        load("ImageFolder", tmp_path, FOLDER="theirs")


TABLE = "path,class,split\na/1.png,ape,train\na/2.png,bat,train\na/3.png,bat,test\n"


@pytest.fixture
def table(tmp_path):
    make_images(tmp_path / "mine", *(f"a/{i}.png" for i in (1, 2, 3, 4)))
    (tmp_path / "mine" / "images.csv").write_text(TABLE)
    return tmp_path


def test_a_table_lists_path_class_and_split(table):
    data = load("CSV", table, FOLDER="mine")
    assert data.classnames == ["ape", "bat"]
    assert items(data.train_x) == [("1.png", 0, "ape"), ("2.png", 1, "bat")]
    assert (data.val, items(data.test)) == (None, [("3.png", 1, "bat")])


def test_columns_may_come_in_any_order_and_number_and_paths_be_absolute(table):
    file = table / "mine" / "a" / "1.png"
    (table / "mine" / "other.csv").write_text(
        f'split,n,class,path\ntrain,1,"ape, small",{file}\ntest,2,"ape, small",a/2.png\n'
    )
    data = load("CSV", table, FOLDER="mine", CSV_FILE="other.csv")
    assert (data.classnames, data.train_x[0].impath) == (["ape, small"], str(file))


@pytest.mark.parametrize(
    "text, message",
    [
        ("path,kind,split\n", "images.csv, line 1 has no column class; it needs path,class and"),
        (
            TABLE + "a/4.png,ape,holdout\n",
            "images.csv, line 5 is 'a/4.png,ape,holdout'; it needs a path, a class name and train",
        ),
        (
            "path,class,split\na/1.png,ape,test\n",
            "images.csv has no line with split train; add some",
        ),
        (
            TABLE + "a/9.png,ape,test\n",
            "images.csv: 1 of 4 images are missing, the first is .*a/9.png; .* correct line 5",
        ),
        (TABLE + "a/4.png,Ape,test\n", "lines 2 and 5 have the class names 'ape' and 'Ape', and"),
    ],
)
def test_an_invalid_line_is_named(table, text, message):
    (table / "mine" / "images.csv").write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        load("CSV", table, FOLDER="mine")
    assert "published" not in str(error.value)


def test_a_missing_table_names_the_key(table):
    with pytest.raises(FileNotFoundError, match="no table .*other.csv; set DATASET.CSV_FILE"):
        load("CSV", table, FOLDER="mine", CSV_FILE="other.csv")


def test_the_examples_of_the_page_are_configurations(parts, table):
    from runs import config

    text = (ROOT / "docs" / "DATASETS.md").read_text()
    examples = re.findall(r"```yaml\n(# configs/datasets/(\w+).yaml\n.*?)```", text, re.S)
    assert [name for _, name in examples] == ["mine", "mine_in_one", "mine_in_a_table"]
    for content, name in examples:
        file = parts / f"{name}.yaml"
        file.write_text(content)
        cfg = config.default_config()
        config.merge_file(cfg, str(file))
        assert cfg.DATASET.FOLDER == "mine"


def test_spaces_beside_commas_do_not_count(tmp_path):
    make_images(tmp_path / "mine", "a.png", "b.png")
    (tmp_path / "mine" / "images.csv").write_text(
        "path, class, split\na.png, great ape , train\nb.png, great ape, test\n"
    )
    data = load("CSV", tmp_path, FOLDER="mine")
    assert items(data.train_x) == [("a.png", 0, "great ape")] and items(data.test) == [
        ("b.png", 0, "great ape")
    ]
