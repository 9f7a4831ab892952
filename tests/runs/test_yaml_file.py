"""A YAML file that may hold anything."""

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
