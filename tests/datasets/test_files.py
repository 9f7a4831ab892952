import json
import os
import threading

import pytest
from scipy.io import savemat

from datasets import files


def test_rows_with_trailing_blanks_and_empty_lines(tmp_path):
    (tmp_path / "list.txt").write_text("a 1  \r\nb 2\n\n  \n")
    assert files.read_rows(tmp_path / "list.txt", r"(\w) (\d)", "") == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize(("text", "line"), [("a 1\n\nb 2\n", 2), ("a 1\nb 2\nb\n", 3), ("", 1)])
def test_malformed_row_names_file_line_and_form(tmp_path, text, line):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(ValueError, match=rf"list.txt, line {line} is .*, not '<letter> <digit>'"):
        files.read_rows(tmp_path / "list.txt", r"(\w) (\d)", "'<letter> <digit>'")


def test_text_that_is_not_utf8(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match=r"list.txt is not UTF-8 text .*; correct or replace"):
        files.read_text(tmp_path / "list.txt")


def test_json_that_is_cut_off(tmp_path):
    (tmp_path / "split.json").write_text('{"train": [')
    with pytest.raises(ValueError, match=r"split.json is not JSON .*line 1.*; correct or replace"):
        files.read_json(tmp_path / "split.json")


def test_mat_of_one_label_is_a_vector(tmp_path):
    savemat(tmp_path / "labels.mat", {"labels": [[7]]})
    assert files.read_mat(tmp_path / "labels.mat", "labels").tolist() == [7]


@pytest.mark.parametrize("content", [b"", b"not a matlab file" * 20])
def test_mat_that_is_none(tmp_path, content):
    (tmp_path / "labels.mat").write_bytes(content)
    with pytest.raises(ValueError, match=r"labels.mat is not a MATLAB file with labels"):
        files.read_mat(tmp_path / "labels.mat", "labels")


def test_mat_without_the_variable(tmp_path):
    savemat(tmp_path / "labels.mat", {"other": [[7]]})
    with pytest.raises(ValueError, match=r"labels.mat is not a MATLAB file with labels"):
        files.read_mat(tmp_path / "labels.mat", "labels")


def test_listings_are_sorted_by_code_point_and_leave_out_what_is_hidden(tmp_path):
    for name in ("b", "A", ".git", "a"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").touch()
    assert files.class_folders(tmp_path) == ["A", "a", "b"]
    assert files.visible_files(tmp_path) == ["A", "a", "b", "notes.txt"]


def test_first_writer_wins_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "new" / "file.json"
    files.write_new(path, "first")
    files.write_new(path, "second")
    assert path.read_text() == "first"
    assert os.listdir(path.parent) == ["file.json"]


def test_without_hard_links_the_file_is_still_written_whole(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    files.write_new(tmp_path / "file.json", "text")
    assert (tmp_path / "file.json").read_text() == "text"
    assert os.listdir(tmp_path) == ["file.json"]


def test_readers_never_see_half_a_file(tmp_path):
    text = json.dumps(list(range(200_000)))
    seen = set()

    def read(path):
        while not path.exists():
            pass
        seen.add(len(path.read_text()))

    for number in range(10):
        reader = threading.Thread(target=read, args=(tmp_path / f"{number}.json",))
        reader.start()
        files.write_new(tmp_path / f"{number}.json", text)
        reader.join()
    assert seen == {len(text)}


def test_absolute_expands_home_and_dots(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.absolute("~/a/../b") == tmp_path / "b"
