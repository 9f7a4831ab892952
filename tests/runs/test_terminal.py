"""The log of a run has every line; the terminal what a person asks."""

import sys
from contextlib import contextmanager

import pytest
from dassl.utils import Logger

from runs.terminal import ROUTINE, brief, only_logged


@contextmanager
def logged(file):
    former = sys.stdout
    with Logger(str(file)) as sys.stdout:
        yield
    sys.stdout = former


def test_what_is_only_logged_is_not_shown(tmp_path, capsys):
    with logged(tmp_path / "log.txt"):
        print("shown")
        with only_logged():
            print("VERSION: 1")
        print("again")
    assert capsys.readouterr().out == "shown\nagain\n"
    assert (tmp_path / "log.txt").read_text() == "shown\nVERSION: 1\nagain\n"


def test_routine_lines_are_left_out_even_in_pieces(tmp_path, capsys):
    with logged(tmp_path / "log.txt"), brief():
        print("epoch [1/2]", end="")
        print(" batch [1/2] loss 1.0")
        print("3 images are left out")
        print(*ROUTINE, sep="\n")
    assert capsys.readouterr().out == "3 images are left out\n"
    log = (tmp_path / "log.txt").read_text()
    assert log.startswith("epoch [1/2] batch [1/2] loss 1.0\n3 images are left out\n")


def test_the_terminal_is_back_after_an_error(tmp_path, capsys):
    with logged(tmp_path / "log.txt"):
        with pytest.raises(ValueError), brief():
            raise ValueError
        print("epoch [1/2]")
    assert capsys.readouterr().out == "epoch [1/2]\n"
