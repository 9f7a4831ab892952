"""Names that CLIP reads as one are refused on every way in, and published lists are not."""

import pytest

from promptsrc.inference.classnames import checked, read_by_clip

SAME = [
    ("bird", "Bird"),
    ("sad_face", "sad face"),
    ("sad face", "sad  face"),
    ("sad face", "sad\u00a0face"),
    ("café", "cafe\u0301"),  # one letter, or a letter and an accent
    ("ｃａｔ", "cat"),
    ("cat & dog", "cat &amp; dog"),
    ("cat's", "cat’s"),
    ("Boeing 737", "Boeing737"),
    ("T-shirt", "t - shirt"),
    ("ﬁg", "fig"),
]
DIFFERENT = [("cat", "cat."), ("cafe", "café"), ("sunflower", "sun flower"), ("猫", "犬")]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_names_that_clip_reads_as_one(one, other):
    with pytest.raises(ValueError, match="names: duplicate class name .* .the same as") as error:
        checked(["owl", one, other], "names")
    assert repr(one) in str(error.value) and repr(other) in str(error.value)


@pytest.mark.parametrize("names", DIFFERENT)
def test_names_that_clip_tells_apart(names):
    assert checked(list(names)) == list(names)


def test_the_same_name_twice():
    with pytest.raises(ValueError, match="names: duplicate class name 'owl'$"):
        checked(["owl", "ape", "owl"], "names")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("_", "class name '_' is empty to CLIP; use words"),
        ("&nbsp;", "class name '&nbsp;' is empty to CLIP"),
        ("cat<|endoftext|> dog", "holds CLIP's mark <|endoftext|>; remove it"),
        ("caf\udce9", r"class name 'caf\\udce9' is not Unicode; rename it"),
        (7, "names has 7, which is not text; give names"),
    ],
)
def test_names_that_clip_cannot_read(name, message):
    with pytest.raises(ValueError, match=message.replace("|", r"\|")):
        checked(["owl", name], "names")


def test_the_full_stop_of_a_text_changes_no_comparison():
    """Texts end in `<name>.`: names that differ alone differ there, too."""
    from promptsrc.clip.text import class_texts, tokenize

    for one, other in SAME:
        assert len(tokenize(class_texts([one, other], "a photo of a")).unique(dim=0)) == 1
        assert read_by_clip(one, "") == read_by_clip(other, "")
    for names in DIFFERENT:
        assert len(tokenize(class_texts(names, "a photo of a")).unique(dim=0)) == 2
