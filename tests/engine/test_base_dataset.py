"""Items, few-shot sampling, class names."""

import random

import pytest
from dassl.data.datasets import DatasetBase, Datum


def test_a_datum_is_read_only_and_needs_its_file(root):
    datum = Datum(str(root / "red0.png"), 2, 1, "red")
    assert (datum.label, datum.domain, datum.classname, vars(datum)["_label"]) == (2, 1, "red", 2)
    with pytest.raises(AttributeError):
        datum.label = 3
    with (
        pytest.warns(UserWarning, match="no file found"),
        pytest.raises(AssertionError, match="no image at"),
    ):
        Datum(str(root / "none.png"))


def test_few_shots_are_random_samples_in_first_seen_order(items):
    dataset = DatasetBase(train_x=items)
    shuffled = items[::-1]
    random.seed(5)
    ours = dataset.generate_fewshot_dataset(shuffled, num_shots=2)
    random.seed(5)
    expected = [
        item
        for label in (2, 1, 0)
        for item in random.sample([i for i in shuffled if i.label == label], 2)
    ]
    assert ours == expected
    assert dataset.generate_fewshot_dataset(items, num_shots=0) is items
    assert len(dataset.generate_fewshot_dataset(items, num_shots=9)) == 18
    assert len(dataset.generate_fewshot_dataset(items, num_shots=9, repeat=True)) == 27
    parts = dataset.generate_fewshot_dataset(items, items, num_shots=1)
    assert [len(part) for part in parts] == [3, 3]


def test_class_names_follow_from_the_training_items(items):
    dataset = DatasetBase(train_x=items[::-1])
    assert (dataset.num_classes, dataset.classnames) == (3, ["red", "green", "blue"])
    assert dataset.lab2cname == {0: "red", 1: "green", 2: "blue"}
    with pytest.raises(ValueError, match="a dataset without training items .train_x. has no"):
        DatasetBase(test=items)
