"""How a command ends when it is told to stop."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT

MAIN = """
import os, signal, sys
from promptsrc.command import exit_code, stop_like_ctrl_c
def work():
    {work}
stop_like_ctrl_c((75, "stopped; again"))
sys.exit(exit_code(work, stopped=(75, "stopped; again")))
"""
# a module that is told to stop while it is imported, and takes no notice of exceptions
IMPORTED = """
import os, signal
try:
    os.kill(os.getpid(), signal.{number})
    import json.tool
except BaseException as error:
    raise RecursionError("something else") from None
"""


def ended(folder, work):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}
    done = subprocess.run(
        [sys.executable, "-c", MAIN.format(work=work)], env=environment, capture_output=True
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_a_signal_within_an_import_ends_it_like_any_other(tmp_path, number):
    (tmp_path / "heavy.py").write_text(IMPORTED.format(number=number))
    assert ended(tmp_path, "import heavy") == (75, "stopped; again\n")
    assert ended(tmp_path, f"os.kill(os.getpid(), signal.{number})") == (75, "stopped; again\n")


def test_a_background_job_still_ignores_ctrl_c(tmp_path):
    work = "os.kill(os.getpid(), signal.SIGINT)"
    ignoring = MAIN.replace("def work", "signal.signal(signal.SIGINT, signal.SIG_IGN)\ndef work")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", ignoring.format(work=work)]
    assert subprocess.run(command, env=environment).returncode == 0


def handles(process, number):
    """Whether it has a handler of its own; Linux says so."""
    with open(f"/proc/{process.pid}/status") as status:
        (line,) = (line for line in status if line.startswith("SigCgt"))
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="Linux says when to begin")
@pytest.mark.parametrize("seconds", [0, 0.2, 0.6, 1.2, 2])
def test_training_stops_whatever_it_imports(tmp_path, seconds):
    words = ["--trainer", "PromptSRC", "--output-dir", str(tmp_path / "run")]
    command = [sys.executable, "train.py", *words]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    while not handles(process, signal.SIGTERM):
        time.sleep(0.005)
    time.sleep(seconds)
    process.send_signal(signal.SIGTERM)
    error = process.communicate(timeout=120)[1].decode()
    assert (process.returncode, error) == (75, "stopped; rerun the same command to resume\n")


def test_a_signal_before_the_work_begins_ends_it_like_any_other(tmp_path):
    """Such as while the command line is parsed."""
    parsing = "os.kill(os.getpid(), signal.SIGTERM); os.write(2, b'went on')\nsys.exit(exit_code"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    code = MAIN.format(work="pass").replace("sys.exit(exit_code", parsing)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert (done.returncode, done.stderr) == (75, b"stopped; again\n")
