"""Every recorded case of all fifteen datasets, and the command that compares them."""

import json
import shutil
from pathlib import Path

import pytest

from tests.dataset_parity import differences, main
from tests.datasets.roots import GOLDEN

FILES = sorted(GOLDEN.glob("*.json"))


def test_all_fifteen_are_recorded():
    assert len(FILES) == 15


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_equals_the_reference(file):
    assert differences(file) == []


def copy_golden(folder: Path, change) -> Path:
    for name in ("golden.py", "make_roots.py"):
        shutil.copy(GOLDEN / name, folder)
    content = json.loads((GOLDEN / "ImageNetR.json").read_text())
    change(content)
    (folder / "ImageNetR.json").write_text(json.dumps(content))
    return folder


def swap_two_items(content):
    row = content["lists"][content["cases"][0]["test"]]
    row[0], row[1] = row[1], row[0]


def test_command_says_equal(tmp_path, capsys):
    assert main([str(copy_golden(tmp_path, lambda content: None))]) == 0
    assert capsys.readouterr().out.split() == ["ImageNetR", "equal"]


def test_command_finds_two_swapped_items(tmp_path, capsys):
    assert main([str(copy_golden(tmp_path, swap_two_items))]) == 1
    out = capsys.readouterr().out
    assert "ImageNetR" in out and "differences, the first: ImageNetR" in out and "item 0" in out
    assert len(out.splitlines()) == 1


def test_command_refuses_a_folder_without_golden_files(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path)])
    assert f"{tmp_path} has no golden files" in capsys.readouterr().err
