"""Text is read as people save it; files are written whole or not at all."""

import errno
import os

import pytest

from promptsrc.files import fingerprint, read_text, replacing, write_all


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_in_unicode(tmp_path, encoding):
    (tmp_path / "a.txt").write_bytes("frêne\r\n猫\u2028".encode(encoding))
    assert read_text(tmp_path / "a.txt") == "frêne\r\n猫\u2028"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\nfrêne\n".encode("cp1252"), "is not UTF-8 text .line 2 in .*cp1252. is 'frêne'.; cor"),
        (b"\xff\xfea", "is not UTF-8 text .truncated data.; correct it: save it as UTF-8"),
        ("a,b".encode("utf-16-le"), "is not text .it has NUL bytes.; save it as UTF-8"),
    ],
)
def test_other_text_is_refused(tmp_path, content, message):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_text(tmp_path / "a.txt")


def test_a_file_takes_its_place_when_it_is_whole(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("old")
    with replacing(file) as part:
        part.write_text("new")
        assert file.read_text() == "old" and part.suffix == ".txt"
    assert contents(tmp_path) == {"a.txt": "new"}


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyError), replacing(tmp_path / "a.txt") as part:
        part.write_text("half")
        raise KeyError
    assert contents(tmp_path) == {"a.txt": "old"}


def test_no_folder_to_write_to(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*none.* to write a.txt"):
        write_all({tmp_path / "none" / "a.txt": ""})


def test_all_files_are_written(tmp_path):
    write_all({tmp_path / "a.txt": "Δ\n", tmp_path / "b.csv": "1\n"})
    assert (tmp_path / "a.txt").read_bytes() == "Δ\n".encode()
    assert sorted(contents(tmp_path)) == ["a.txt", "b.csv"]


def test_if_one_file_cannot_be_written_none_is(tmp_path, monkeypatch):
    """Some file systems find out that they are full when data have to be on disk."""
    (tmp_path / "a.txt").write_text("old")
    sync, synced = os.fsync, []

    def full_at_the_second(descriptor):
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full_at_the_second)
    with pytest.raises(OSError, match="No space left on device: '.*b.txt'"):
        write_all({tmp_path / name: "new" for name in ("a.txt", "b.txt", "c.txt")})
    assert contents(tmp_path) == {"a.txt": "old"}


def test_a_fingerprint_is_of_size_and_beginning(tmp_path):
    contents = {"a": b"x" * 9, "copy": b"x" * 9, "longer": b"x" * 10, "other": b"y" * 9}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    found = {name: fingerprint(tmp_path / name) for name in contents}
    assert found["a"] == found["copy"] and len(set(found.values())) == 3
    assert all(len(value) == 16 for value in found.values())
