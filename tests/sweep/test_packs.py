"""Which runs start together, and that they are the runs that they are alone."""

import shlex
import sys
from dataclasses import dataclass

import pytest

from report.results import find
from report.tables import tables
from runs.arguments import parse_args, setup_config
from runs.job import Job
from runs.layout import SEEDS
from runs.pack import lines_of
from runs.protocols import DATASETS, Method, plan
from runs.results import TRAINED
from sweep import local, packs
from sweep.__main__ import main
from tests.datasets.roots import make_root
from tests.sweep.test_local import WRITE


def words_of(pack):
    """What follows `python train.py`."""
    return packs.command(pack)[2:]


@pytest.mark.parametrize("protocol", DATASETS)
@pytest.mark.parametrize("trainer", ["PromptSRC", "CoOp"])
def test_a_pack_has_the_command_lines_of_its_runs(protocol, trainer, tmp_path):
    jobs = plan(protocol, Method(trainer, "data", tmp_path), (), SEEDS, (1, 16))
    found = packs.packs(jobs, packs.AUTO)
    assert [len(pack) for pack in found] == [3] * (len(jobs) // 3)
    assert sorted(str(job.folder) for pack in found for job in pack) == sorted(
        str(job.folder) for job in jobs
    )
    for pack in found[:2] + found[-1:]:
        lines = lines_of(words_of(pack))
        for job, line in zip(pack, lines.values(), strict=True):
            assert setup_config(parse_args(line)) == job.config()


def test_runs_without_a_seed_and_packs_of_one_start_as_before(tmp_path):
    method = Method("ZeroshotCLIP", "data", tmp_path)
    jobs = plan("few-shot", method, ["dtd", "eurosat"])
    assert [packs.command(pack) for pack in packs.packs(jobs, 8)] == [job.command for job in jobs]
    jobs = plan("base2new", Method("PromptSRC", "data", tmp_path), ["dtd"])
    assert {pack for pack in packs.packs(jobs, 1)} == {(job,) for job in jobs}
    assert [len(pack) for pack in packs.packs(jobs, 2)] == [2, 1, 2, 1]


@dataclass(frozen=True)
class Finished(Job):
    """A job of another kind of command line."""

    def is_finished(self):
        return self.accuracy() is not None


def jobs_of(tmp_path, monkeypatch, code):
    """Three jobs that start as one process, which runs this code."""
    monkeypatch.setattr(packs, "train_command", lambda words: [sys.executable, "-c", code, *words])
    folders = {seed: tmp_path / f"seed{seed}" for seed in ("1", "2", "3")}
    return [
        Finished(("--seed", seed, "--output-dir", str(folder)), folder, TRAINED)
        for seed, folder in folders.items()
    ]


def results(tmp_path, *seeds):
    return "\n".join(WRITE.format(folder=f"{tmp_path}/seed{seed}") for seed in seeds)


def test_one_run_of_a_pack_may_fail(tmp_path, monkeypatch, capsys):
    code = f"{results(tmp_path, 1, 3)}\nprint('seed1  fine')\nprint('seed2  error: loss is nan')"
    jobs = jobs_of(tmp_path, monkeypatch, f"{code}\nraise SystemExit(1)")
    later = [Finished(("a",), tmp_path / "a", TRAINED, job) for job in jobs[1:2]]
    failed = local.run([*jobs, *later], [{}], most=8)
    assert failed == {jobs[1]: "exit code 1", later[0]: f"skipped: it needs {jobs[1].folder}"}
    out = capsys.readouterr().out
    assert "    seed2  error: loss is nan\n" in out and "seed1  fine" not in out
    assert out.count("61.5%") == 2


def test_a_pack_ended_by_a_signal_resumes_what_is_left(tmp_path, monkeypatch, capsys):
    code = f"""
import os, sys
open('{tmp_path}/started', 'a').write(' '.join(sys.argv[1:]) + chr(10))
again = len(open('{tmp_path}/started').readlines()) > 1
{results(tmp_path, 2)}
if not again: sys.exit(75)
{results(tmp_path, 1, 3)}
"""
    assert local.run(jobs_of(tmp_path, monkeypatch, code), [{}], most=8) == {}
    first, second = (tmp_path / "started").read_text().splitlines()
    assert first.startswith("--seeds 1 2 3 --output-dir") and second.startswith("--seeds 1 3 ")
    assert f"ended by a signal, resumes: {tmp_path}/seed1" in capsys.readouterr().out


@pytest.mark.slow
def test_packed_and_alone_the_tables_are_the_same(tmp_path, in_root, capsys):
    make_root(tmp_path, "EuroSAT")
    words = ["base2new", "few-shot", "--root", str(tmp_path), "--configs", "vit_t8", "--datasets"]
    words += ["eurosat", "--seeds", "1", "2", "--shots", "2"]
    quick = ["--set", "OPTIM.MAX_EPOCH", "2", "TRAINER.PROMPTSRC.GPA_MEAN", "2"]
    made = {}
    for name, most in (("alone", "1"), ("pack", "auto")):
        assert main([*words, "--output", str(tmp_path / name), "--pack", most, *quick]) == 0
        made[name] = [(table.title, table.rows) for table in tables(find(tmp_path / name))]
    assert made["alone"] == made["pack"]
    assert len(made["pack"]) == 3
    assert "6 runs, 0 finished; 6 start in 3 packs" in capsys.readouterr().out
    assert main([*words, "--output", str(tmp_path / "x"), "--pack", "2", "--dry-run", *quick]) == 0
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert [line[line.index("--seeds") + 1 :][:2] for line in lines] == [["1", "2"]] * 3


@pytest.mark.parametrize("value", ["0", "-1", "all"])
def test_another_pack_is_refused(value, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["--root", str(tmp_path), "--pack", value])
    assert end.value.code == 2
    assert f"--pack is {value}; it is a number of runs, or auto" in capsys.readouterr().err
