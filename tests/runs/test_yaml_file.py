"""A YAML file that may hold anything."""

import time

import pytest

from runs.yaml_file import read_yaml


def test_a_mapping_is_read(tmp_path):
    (tmp_path / "a.yaml").write_text("A: {B: 1}\nC: text\n")
    assert read_yaml(tmp_path / "a.yaml") == {"A": {"B": 1}, "C": "text"}


@pytest.mark.parametrize(
    "content, message",
    [
        ("A: 1\nA: 2\n", "is not YAML: duplicate key A .*line 2"),
        ("A: {B: 1, B: 2}", "duplicate key B"),
        ("!!bool x", "is not YAML"),
        ('!!int ""', "is not YAML"),
        ("!!timestamp x", "is not YAML"),
        ("[" * 5000, "is not YAML: .*recursion"),
        ("- A", "is not a KEY: VALUE mapping; configs/ has examples"),
        ("", "is not a KEY: VALUE mapping"),
        ("A: !!python/name:os.system", "could not determine a constructor"),
    ],
)
def test_all_else_is_one_line(tmp_path, content, message):
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        read_yaml(tmp_path / "a.yaml")
    assert "\n" not in str(error.value)


def bomb(kind):
    """Forty lines; each one holds the line before twice."""
    pair = {"list": "[*a{0}, *a{0}]", "mapping": "{{x: *a{0}, y: *a{0}}}"}[kind]
    lines = [f"A{i + 1}: &a{i + 1} {pair.format(i)}" for i in range(40)]
    return "\n".join(["A0: &a0 [1, 1]", *lines])


@pytest.mark.parametrize("content", [bomb("list"), bomb("mapping"), "A: &a [*a]", "A: &a {B: *a}"])
def test_a_short_file_that_stands_for_a_vast_one_is_refused_at_once(tmp_path, content):
    (tmp_path / "a.yaml").write_text(content)
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"is not YAML: its anchors make .* values of it; correct"):
        read_yaml(tmp_path / "a.yaml")
    assert time.monotonic() - start < 1


def test_anchors_are_read(tmp_path):
    (tmp_path / "a.yaml").write_text("A: &a {B: 1}\nC: *a\nD: [&b 2, *b]\n")
    assert read_yaml(tmp_path / "a.yaml") == {"A": {"B": 1}, "C": {"B": 1}, "D": [2, 2]}
