"""Names that CLIP reads as one are refused on every way in, and published lists are not."""

from argparse import ArgumentParser

import pytest

from promptsrc.inference.classnames import add_arguments, checked, chosen, read_by_clip

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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_of_names(tmp_path, encoding, end):
    file = tmp_path / "names.txt"
    file.write_bytes(end.join(["red\u2028fox", "bât", " owl ", ""]).encode(encoding))
    add_arguments(parser := ArgumentParser())
    given = parser.parse_args(["--classnames-file", str(file)])
    assert chosen(given) == ["red\u2028fox", "bât", "owl"]


def test_a_file_of_names_in_another_encoding(tmp_path):
    file = tmp_path / "names.txt"
    file.write_bytes("owl\nbât".encode("cp1252"))
    add_arguments(parser := ArgumentParser())
    with pytest.raises(ValueError, match="not UTF-8 text .line 2 in .*cp1252. is 'bât'"):
        chosen(parser.parse_args(["--classnames-file", str(file)]))
