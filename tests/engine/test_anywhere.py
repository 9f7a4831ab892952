"""A training needs nothing that Windows lacks."""

import subprocess
import sys

from tests.conftest import ROOT
from tests.engine import toy

WITHOUT = """
import os, signal, sys
sys.modules["fcntl"] = sys.modules["resource"] = None
for name in "SIGUSR1 SIGUSR2 SIGCHLD SIGALRM pthread_sigmask".split():
    delattr(signal, name)
del os.sched_getaffinity
from tests.engine import toy
toy.trained(*sys.argv[1:], MAX_EPOCH=2)
"""


def test_a_run_without_fcntl_and_the_signals_of_unix_trains_the_same(root, tmp_path):
    words = [sys.executable, "-c", WITHOUT, str(root), str(tmp_path / "without")]
    run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert "* accuracy: " in run.stdout
    whole = toy.trained(root, tmp_path / "whole", MAX_EPOCH=2)
    again = toy.trained(root, tmp_path / "without", MAX_EPOCH=2)  # only loads the last epoch
    assert again.start_epoch == 2
    toy.assert_same(whole, again)
