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
