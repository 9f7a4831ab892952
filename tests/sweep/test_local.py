"""Running jobs: order, failures, stops."""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from runs.job import Job
from runs.results import TRAINED
from sweep import local
from sweep.__main__ import environments
from tests.conftest import ROOT

WRITE = (
    "print('Finish training\\n=> result\\n* accuracy: 61.5%', file=open('{folder}/log.txt', 'w'))"
)


@dataclass(frozen=True)
class Script(Job):
    """A job that runs Python code in place of train.py."""

    @property
    def command(self):
        return [sys.executable, "-c", *self.words]


def job(folder, code="", needs=None):
    return Script((f"{code}\n{WRITE.format(folder=folder)}",), folder, TRAINED, needs)


def test_needed_runs_come_first_and_each_worker_has_its_environment(tmp_path, capsys):
    def says(name):
        write = f"open('{tmp_path}/worker_{name}', 'w').write(os.environ['WORKER'])"
        return f"import os, time; {write}"

    # it ends only if c runs at the same time
    beside = f"while not os.path.exists('{tmp_path}/worker_c'): time.sleep(0.01)"
    a = job(tmp_path / "a", f"{says('a')}\n{beside}")
    b = job(tmp_path / "b", f"{says('b')}\nassert os.path.exists('{tmp_path}/a/log.txt')", a)
    c = job(tmp_path / "c", says("c"))
    assert local.run([a, b, c], [{"WORKER": "0"}, {"WORKER": "1"}]) == {}
    assert {(tmp_path / f"worker_{name}").read_text() for name in "ac"} == {"0", "1"}
    assert capsys.readouterr().out.splitlines()[-1].startswith("[3/3] 61.5%")


def test_a_failure_shows_its_last_lines_and_others_continue(tmp_path, capsys):
    bad = job(
        tmp_path / "bad",
        "print('\\n'.join(map(str, range(20)))); raise SystemExit('\x1b[2Jout of memory')",
    )
    later, other = job(tmp_path / "later", needs=bad), job(tmp_path / "other")
    failed = local.run([bad, later, other], [{}], done=1)
    assert failed == {bad: "exit code 1", later: f"skipped: it needs {bad.folder}"}
    assert other.accuracy() == 61.5 and not later.folder.exists()
    out = capsys.readouterr().out
    assert f"[2/4] FAILED (exit code 1)  {bad.folder}" in out
    assert "    19\n    \\x1b[2Jout of memory\n" in out and "    12\n" not in out


def ends_at_first(folder, by):
    """Code that ends like this the first two times."""
    return f"""
import os, signal, sys
count = len(os.listdir('{folder}')) if os.path.isdir('{folder}') else 0
os.makedirs('{folder}', exist_ok=True)
open('{folder}/' + str(count), 'w')
if count < 2:
    {by}"""


@pytest.mark.parametrize(
    "by",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "sys.exit(75)",
    ],
)
def test_a_run_that_a_signal_ended_resumes(tmp_path, capsys, by):
    stopped = job(tmp_path / "stopped", ends_at_first(tmp_path / "tries", by))
    later = job(tmp_path / "later", needs=stopped)
    assert local.run([stopped, later], [{}]) == {}
    assert (stopped.accuracy(), later.accuracy()) == (61.5, 61.5)
    assert len(list((tmp_path / "tries").iterdir())) == 3
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == [f"ended by a signal, resumes: {stopped.folder}"] * 2 and out[-1].startswith(
        "[2/2]"
    )


def test_a_run_killed_ten_times_is_a_failure(tmp_path):
    killed = job(
        tmp_path / "killed",
        f"import os; open('{tmp_path}/tries', 'a').write('.'); os.kill(os.getpid(), 9)",
    )
    assert local.run([killed], [{}]) == {killed: "exit code -9"}
    assert (tmp_path / "tries").read_text() == "." * local.TRIES


def test_an_end_without_a_result_is_a_failure(tmp_path):
    silent = Script(("pass",), tmp_path / "silent", TRAINED)
    assert local.run([silent], [{}]) == {silent: "it ended without a result"}


STOPPED = '''
import signal
import sys
from pathlib import Path
from sweep import local
from tests.sweep.test_local import job
folder = Path(sys.argv[1])
grandchild = "import time; time.sleep(60)"
child = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, '-c', '{grandchild}', '{folder}'])
time.sleep(60)
"""
signal.signal(signal.SIGTERM, signal.default_int_handler)
local.run([job(folder / "long", child)], [{}])
'''


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_the_children_and_theirs(tmp_path, number):
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE
    )
    wait_for(lambda: len(processes_of(tmp_path)) == 3)
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert b"KeyboardInterrupt" in error
    wait_for(lambda: processes_of(tmp_path) == [])


def test_a_run_is_stopped_without_process_groups(monkeypatch):
    monkeypatch.delattr("os.killpg")
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    running = local.Running(process, 0.0, {})
    with local.stopped_on_exit({(Job((), Path("a"), TRAINED),): running}):
        assert process.poll() is None
    assert process.wait() != 0


def processes_of(folder: Path) -> list[str]:
    """Processes that have a folder in their command line."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def wait_for(condition) -> None:
    for _ in range(2400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


def test_time_left_depends_on_the_kind_of_run():
    training, test = Job((), Path("a"), ("Finish training",)), Job((), Path("b"), ("=> result",))
    progress = local.Progress(6, 2)
    progress.note(training, 100.0)
    assert (
        progress.left([training, test]) == 100.0
    )  # no test yet: as long as a training, and two workers
    progress.note(test, 10.0)
    assert progress.left([training, test]) == 55.0


def test_on_a_cpu_the_workers_share_the_cores(monkeypatch):
    monkeypatch.setattr("sweep.__main__.visible_gpus", list)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert environments(None) == [{"OMP_NUM_THREADS": "8"}]
    assert environments(3) == [{"OMP_NUM_THREADS": "2"}] * 3


def test_one_worker_a_gpu(monkeypatch):
    monkeypatch.setattr("sweep.__main__.visible_gpus", lambda: ["2", "5"])
    assert environments(None) == [{"CUDA_VISIBLE_DEVICES": "2"}, {"CUDA_VISIBLE_DEVICES": "5"}]
    assert [e["CUDA_VISIBLE_DEVICES"] for e in environments(3)] == ["2", "5", "2"]
