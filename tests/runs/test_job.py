"""A planned run: when it is finished, and how it runs as a process."""

import os
import signal
import subprocess
import sys

import pytest

from runs.job import Job, call, run_in_turn, train_command
from runs.protocols import Method, plan
from runs.results import TRAINED
from tests.conftest import ROOT

LOG = "Finish training\n=> result\n* accuracy: 50.0%\n"


def test_a_finished_run_has_a_result_of_the_same_configuration(tmp_path, in_root):
    job = plan("few-shot", Method("PromptSRC", "data", tmp_path), ["dtd"], [1], [1])[0]
    assert not job.is_finished()
    with pytest.raises(ValueError, match="seed1 has no result; its log.txt shows why"):
        job.result()
    job.folder.mkdir(parents=True)
    (job.folder / "log.txt").write_text(LOG)
    assert job.is_finished() and job.result() == 50.0
    (job.folder / "config.yaml").write_text("OPTIM: {LR: 7.0}\n")
    assert not job.is_finished()


def test_its_command_is_train_py():
    assert Job(("--seed", "1"), ROOT, TRAINED).command == train_command(["--seed", "1"])
    assert train_command(["-h"])[0] == sys.executable


def test_runs_in_turn_stop_at_the_first_failure(tmp_path, in_root, capfd):
    def job(name):
        return Job(("--config-file", f"{name}.yaml"), tmp_path / name, TRAINED)

    assert run_in_turn([]) == 0
    assert run_in_turn([job("a"), job("b")]) == 2
    error = capfd.readouterr().err
    assert "no config file a.yaml" in error and "b.yaml" not in error


CALLER = """
import sys
from runs.job import call

child = '''
import signal, sys, time
signal.signal(signal.{name}, lambda *_: sys.exit(75))
print("ready", flush=True)
time.sleep(60)
'''
sys.exit(call([sys.executable, "-c", child]))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_a_stop_signal_is_passed_on_and_the_exit_code_comes_back(name):
    command = [sys.executable, "-c", CALLER.format(name=name)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    process.stdout.readline()  # the child is ready
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=60)
    assert process.returncode == 75


def test_handlers_are_as_before_a_call():
    before = signal.getsignal(signal.SIGTERM)
    assert call([sys.executable, "-c", f"import os; assert os.getppid() == {os.getpid()}"]) == 0
    assert signal.getsignal(signal.SIGTERM) is before
