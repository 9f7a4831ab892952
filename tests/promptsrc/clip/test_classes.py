"""Class names that a backbone cannot tell apart."""

import pytest

from promptsrc.clip.classes import notes, read_as_one, unread
from promptsrc.clip.frozen import load_clip


@pytest.fixture(scope="module")
def bundled():
    return load_clip("ViT-T/8")


@pytest.mark.parametrize(
    "names, alike",
    [
        (["bird", "flower", "fruit", "mammal"], []),
        (["猫", "bird", "犬"], [["猫", "犬"]]),
        (["bird", "Bird", "a_bird", "a bird"], [["bird", "Bird"], ["a_bird", "a bird"]]),
        (["bird", "猫"], []),  # alone among words that are known
    ],
)
def test_names_of_equal_embeddings_are_found(bundled, names, alike):
    assert read_as_one(bundled, names) == alike


def test_all_names_are_told_apart_by_a_backbone_that_has_read_them(tiny):
    assert read_as_one(tiny, ["猫", "犬", "鳥", "花"]) == []


def test_names_of_unread_words_are_found_whatever_their_length(bundled, tiny):
    names = ["bird", "猫", "猫犬", "a bird", "fruit"]
    assert unread(bundled, names) == ["猫", "猫犬"]
    assert unread(tiny, names) == []  # each of its tokens has an embedding
    (line,) = notes(bundled, names)
    assert "has never read a word of these class names: 猫, 猫犬. Their texts say nothing" in line


def test_what_is_said(bundled):
    assert notes(bundled, ["bird", "flower"]) == []
    (line,) = notes(bundled, ["bird", "猫", "犬"])
    assert "reads these class names as one and can't tell the classes apart: 猫, 犬. They" in line
    (line,) = notes(bundled, ["猫\n", "犬\n"])
    assert r": 猫\n, 犬\n. They" in line
    assert notes(bundled, ["bird"]) == [
        "Only one class, 'bird': 100 % are right, whatever the image"
    ]
    many = [chr(0x4E00 + i) for i in range(1000)]
    assert len(notes(bundled, many)[0]) < 500
