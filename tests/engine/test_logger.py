"""Logs are never overwritten."""

import sys

from dassl.utils import setup_logger


def test_an_existing_log_is_never_overwritten(tmp_path, monkeypatch):
    (tmp_path / "log.txt").write_text("old")
    setup_logger(str(tmp_path))
    print("new line")
    sys.stdout.flush()
    [later] = tmp_path.glob("log.txt-????-??-??-??-??-??")
    assert later.read_text() == "new line\n" and (tmp_path / "log.txt").read_text() == "old"


def test_names_do_not_command_the_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    setup_logger(str(tmp_path))
    print("photos/\x1b]0;mine\x07\u202e\x9b\r\udcff.png:\tä\nnext")
    sys.stdout.close()
    shown = "photos/\\x1b]0;mine\\x07\\u202e\\x9b\\r\\udcff.png:\tä\nnext\n"
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == shown == capsys.readouterr().out
