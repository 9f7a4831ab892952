"""Splits by shares: the part of an image follows from its path."""

import random

import pytest

from datasets.shares import split_by_shares
from datasets.splits import Item, Split, by_label, cut


def photos(*names, classes=("ape", "bat", "cow")):
    return [Item(f"{c}/{n}", label, c) for label, c in enumerate(classes) for n in names]


def parts(items, shares=(0.5, 0.2, 0.3)):
    return {i.path: part for part, chosen in split_by_shares(items, shares)._asdict().items()
            for i in chosen or ()}  # fmt: skip


def test_shares_hold_on_average_in_every_class():
    split = split_by_shares(photos(*(f"{n}.jpg" for n in range(2000))), (0.5, 0.2, 0.3))
    for part, share in zip(split, (0.5, 0.2, 0.3), strict=True):
        for group in by_label(part):
            assert len(group) / 2000 == pytest.approx(share, abs=0.03)
    assert sum(map(len, split)) == 6000 == len({i.path for part in split for i in part})


@pytest.mark.parametrize("shares", [(0.5, 0.2, 0.3), (0.6, 0.0, 0.4)])
def test_more_images_move_none(shares):
    """Neither those of a class, nor a class, nor folders below."""
    names = [f"{n}.jpg" for n in range(20)]
    before = parts(photos(*names), shares)
    more = photos(
        *names, "0a.jpg", "2020/new.jpg", "zz.jpg", classes=("ape", "axolotl", "bat", "cow")
    )
    after = parts(more, shares)
    assert len(after) > len(before) and before.items() <= after.items()
    fewer = parts(photos(*names[::2]), shares)
    assert fewer.items() <= before.items()


def test_the_cut_of_version_0_1_moved_them():
    names = [f"{n}.jpg" for n in range(20)]
    old = [
        split_by_shares(photos(*n), (0.6, 0, 0.4), shuffled=True) for n in (names, [*names, "z"])
    ]
    moved = {i.path for i in old[0].train} & {i.path for i in old[1].test}
    assert moved
    assert [*old[0].train], old[0].test == cut(by_label(photos(*names)), (0.6,), random.Random(0))


@pytest.mark.parametrize("shares", [(0.5, 0.2, 0.3), (0.99, 0.0, 0.01), (0.01, 0.0, 0.99)])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_small_class_has_images_for_training_and_for_the_test(count, shares, capsys):
    for start in range(50):
        split = split_by_shares(photos(*(f"{start + n}" for n in range(count))), shares)
        assert {i.label for i in split.train} == {i.label for i in split.test} == {0, 1, 2}
    assert capsys.readouterr().out == ""


def test_a_class_with_one_image_is_trained_on():
    items = [*photos("1", "2"), Item("dodo/1", 3, "dodo"), Item("emu/1", 4, "emu")]
    split = split_by_shares(items, (0.6, 0, 0.4))
    assert [i.label for i in split.train] == [0, 1, 2, 3, 4]
    assert [i.label for i in split.test] == [0, 1, 2] and split.val is None


@pytest.mark.parametrize(
    "shares",
    [(0, 0.1, 0.9), (1, 0, 0), (0.5, 0.5, 0), (0.5, 0.2, 0.2), ("a", "b", "c"), (0.5, 0.5)],
)
def test_shares_leave_something_for_training_and_for_the_test(shares):
    with pytest.raises(ValueError, match="DATASET.SPLIT is .*; give shares of train, val and test"):
        split_by_shares(photos("1", "2"), shares)


def test_all_images_can_be_tested():
    items = photos("1", "2")
    assert split_by_shares(items, (0, 0, 1)) == Split([], None, items)
