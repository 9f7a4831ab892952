"""Jobs through submitit: its local executor, and with `make test-slurm` a one-node Slurm."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sweep import cluster
from sweep.__main__ import main
from sweep.cluster import Chain, chains
from tests.datasets.roots import make_root
from tests.sweep.test_local import job, wait_for

SLURM = [
    "--cluster",
    "slurm",
    "--workers",
    "1",
    "--cluster-options",
    "timeout_min=10",
    "cpus_per_task=1",
]


def test_a_chain_is_a_run_and_those_that_need_it(tmp_path):
    a, b = job(tmp_path / "a"), job(tmp_path / "b")
    a1, a2 = job(tmp_path / "a1", needs=a), job(tmp_path / "a2", needs=a)
    assert chains([a, b, a1, a2]) == [Chain([a, a1, a2]), Chain([b])]
    assert chains([a1, b]) == [Chain([a1]), Chain([b])]  # a is finished


def test_failures_come_back_from_the_array(tmp_path, capsys):
    good, bad = job(tmp_path / "good"), job(tmp_path / "bad", "raise SystemExit(3)")
    later = job(tmp_path / "later", needs=bad)
    failed = cluster.run([good, bad, later], tmp_path, "local", 1, {"timeout_min": 5})
    assert failed == {
        str(bad.folder): "exit code 3",
        str(later.folder): f"skipped: it needs {bad.folder}",
    }
    assert good.accuracy() == 61.5
    assert "[1/2] done" in (out := capsys.readouterr().out) and "[2/2] FAILED" in out


def test_an_unknown_option_of_submitit_is_named(tmp_path):
    with pytest.raises(ValueError, match="--cluster-options: .*'timeout'"):
        cluster.run([job(tmp_path / "a")], tmp_path, "local", 1, {"timeout": 5})


def words_of(root: Path, output: Path, *words: str, epochs: int = 1) -> list[str]:
    options = [
        "--configs",
        "vit_t8",
        "--seeds",
        "1",
        "--datasets",
        "eurosat",
        "--set",
        "OPTIM.MAX_EPOCH",
        str(epochs),
    ]
    return ["base2new", "--root", str(root), "--output", str(output), *words, *options]


def tables_of(root: Path, output: Path, *words: str, epochs: int = 1) -> str:
    """Without cost, which is never the same."""
    assert main(words_of(root, output, *words, epochs=epochs)) == 0
    lines = (output / "report" / "tables.csv").read_text().splitlines()
    return "\n".join(line for line in lines if "Cost" not in line)


def test_through_submitit_the_table_is_the_same(tmp_path, in_root, capsys):
    make_root(tmp_path, "EuroSAT")
    here = tables_of(tmp_path, tmp_path / "here", "--workers", "2")
    there = tables_of(
        tmp_path, tmp_path / "there", "--cluster", "local", "--cluster-options", "timeout_min=10"
    )
    assert here == there
    assert "1 elements of job" in capsys.readouterr().out


SLURM_CONF = """
ClusterName=one
SlurmctldHost={host}
SlurmUser=root
AuthType=auth/none
CredType=cred/none
SlurmctldPort={port}
SlurmdPort={next_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
JobRequeue=1
KillWait=2
MpiDefault=none
NodeName={host} CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES State=UP
"""


@pytest.fixture
def one_node_slurm(tmp_path, monkeypatch):
    """Controller and node on this machine, without a user's rights to check; stopped at the end."""
    folder = tmp_path / "slurm"
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    with socket.socket() as one:
        one.bind(("", 0))
        port = one.getsockname()[1]
    values = {
        "host": socket.gethostname().split(".")[0],
        "port": port,
        "next_port": port + 1,
        "cpus": os.cpu_count(),
    }
    (folder / "slurm.conf").write_text(SLURM_CONF.format(folder=folder, **values))
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    daemons = []
    for command in (["slurmctld", "-D"], ["slurmd", "-D"]):
        with (folder / f"{command[0]}.out").open("w") as out:
            daemons.append(subprocess.Popen(command, stdout=out, stderr=out))
    try:
        wait_for(
            lambda: "idle" in subprocess.run(["sinfo", "-h"], capture_output=True, text=True).stdout
        )
        yield folder
    finally:
        subprocess.run(
            ["scancel", "--state=RUNNING", "--full", "--signal=KILL", "--user=root"], check=False
        )
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()


@pytest.mark.slurm
def test_on_slurm_the_table_is_the_same(tmp_path, in_root, one_node_slurm):
    make_root(tmp_path, "EuroSAT")
    here = tables_of(tmp_path, tmp_path / "here", "--workers", "2")
    there = tables_of(tmp_path, tmp_path / "there", *SLURM)
    assert here == there
    lines = (one_node_slurm / "slurmctld.log").read_text().splitlines()
    assert sum("_slurm_rpc_submit_batch_job" in line for line in lines) == 1  # one array


@pytest.mark.slurm
@pytest.mark.timeout(600)  # Slurm lets what is queued again wait for two minutes
def test_a_requeued_element_resumes(tmp_path, in_root, one_node_slurm):
    """As Slurm does with a preempted job: it is stopped, queued again, and resumes its training."""
    make_root(tmp_path, "EuroSAT")
    output = tmp_path / "there"
    process = subprocess.Popen(
        [sys.executable, "-m", "sweep", *words_of(tmp_path, output, *SLURM, epochs=20)]
    )
    try:
        wait_for(lambda: list(output.rglob("VLPromptLearner/checkpoint")))
        queue = subprocess.run(
            ["squeue", "-h", "-o", "%A", "-t", "R"], capture_output=True, text=True, check=True
        )
        subprocess.run(["scontrol", "requeue", queue.stdout.split()[0]], check=True)
        assert process.wait(timeout=500) == 0
    finally:
        process.kill()
    logs = "".join(log.read_text() for log in output.rglob("train_base/**/log.txt*"))
    assert "Will resume training" in logs
    there = (output / "report" / "tables.csv").read_text()
    assert there == tables_of(tmp_path, tmp_path / "here", epochs=20)
