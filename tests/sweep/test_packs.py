"""Which runs start together, and that they are the runs that they are alone."""

import re
import shlex
import sys
from dataclasses import dataclass

import pytest

import train
from report.results import find
from report.tables import tables
from runs.arguments import parse_args, setup_config
from runs.job import Job
from runs.layout import SEEDS
from runs.pack import lines_of
from runs.protocols import DATASETS, Method, plan
from runs.results import TRAINED
from sweep import local, packs
from sweep.__main__ import main, planned
from sweep.__main__ import parse_args as sweep_args
from sweep.memory import MOST
from tests.datasets.roots import make_root
from tests.report.made import TINY
from tests.sweep.test_local import WRITE


def words_of(pack):
    """What follows `python train.py`."""
    return packs.command(pack)[2:]


@pytest.mark.parametrize("protocol", DATASETS)
@pytest.mark.parametrize("trainer", ["PromptSRC", "CoOp"])
def test_a_pack_has_the_command_lines_of_its_runs(protocol, trainer, tmp_path):
    jobs = plan(protocol, Method(trainer, "data", tmp_path), (), SEEDS, (1, 16))
    found = packs.packs(jobs, MOST)
    assert [len(pack) for pack in found] == [3] * (len(jobs) // 3)
    assert sorted(str(job.folder) for pack in found for job in pack) == sorted(
        str(job.folder) for job in jobs
    )
    for pack in found[:2] + found[-1:]:
        assert_lines_of_its_runs(pack)


def assert_lines_of_its_runs(pack):
    lines = lines_of(words_of(pack))
    for job, line in zip(pack, lines.values(), strict=True):
        assert setup_config(parse_args(line)) == job.config()


def varied(tmp_path, trainer="PromptSRC", **values):
    """The base-to-new runs of DTD, seeds 1 and 2, with each of these values."""
    return [
        job
        for each in zip(*([(key, v) for v in found] for key, found in values.items()), strict=True)
        for job in plan("base2new", Method(trainer, "data", tmp_path, values=each), ["dtd"], (1, 2))
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"OPTIM.LR": ("0.001", "0.002"), "TRAINER.PROMPTSRC.GPA_MEAN": ("10", "15")},
        {"TRAINER.PROMPTSRC.TEXT_LOSS_WEIGHT": ("10", "25")},
        {"TRAINER.PROMPTSRC.CTX_INIT": ("a photo of a", "")},
        {"OPTIM.WEIGHT_DECAY": ("0", "5e-4")},
    ],
)
def test_values_that_leave_the_sizes_start_together(values, tmp_path):
    found = packs.packs(varied(tmp_path, **values), MOST)
    assert [len(pack) for pack in found] == [4, 4]
    for pack in found:
        assert_lines_of_its_runs(pack)
        assert len({job.folder for job in pack}) == 4


@pytest.mark.parametrize(
    "key, values",
    [
        ("TRAINER.PROMPTSRC.N_CTX_TEXT", ("2", "4")),
        ("TRAINER.PROMPTSRC.PREC", ("fp16", "bf16")),
        ("OPTIM.MAX_EPOCH", ("10", "20")),
        ("DATALOADER.TRAIN_X.BATCH_SIZE", ("4", "8")),
        ("MODEL.BACKBONE.NAME", ("ViT-B/16", "ViT-B/32")),
    ],
)
def test_other_values_start_apart(key, values, tmp_path):
    found = packs.packs(varied(tmp_path, **{key: values}), MOST)
    assert [len(pack) for pack in found] == [2] * 4


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
    assert first.split("--run ")[1:] == [
        f"--seed {s} --output-dir {tmp_path}/seed{s} " for s in "12"
    ] + [f"--seed 3 --output-dir {tmp_path}/seed3"]
    assert second.count("--run ") == 2 and "seed2" not in second
    assert f"ended by a signal, resumes: {tmp_path}/seed1" in capsys.readouterr().out


def tables_of(words, output, pack):
    """Of a sweep in packs, and of its runs one by one; without cost, which runs of a pack share."""
    for job in planned(sweep_args([*words, "--output", str(output / "alone")])):
        assert train.main(job.words) == 0
    assert main([*words, "--output", str(output / "pack"), "--pack", pack]) == 0
    return [
        [(t.title, t.rows) for t in tables(find(output / way)) if not t.title.startswith("Cost")]
        for way in ("alone", "pack")
    ]


QUICK = ["--set", "OPTIM.MAX_EPOCH", "2", "TRAINER.PROMPTSRC.GPA_MEAN", "2"]


@pytest.mark.slow
def test_packed_and_alone_the_tables_are_the_same(tmp_path, in_root, capsys):
    make_root(tmp_path, "EuroSAT")
    words = ["base2new", "few-shot", "--root", str(tmp_path), "--configs", "vit_t8", "--datasets"]
    words += ["eurosat", "--seeds", "1", "2", "--shots", "2", *QUICK]
    alone, pack = tables_of(words, tmp_path, "auto")
    assert alone == pack
    kinds = [title.partition(",")[0] for title, _ in pack]
    assert {"Base-to-new", "Few-shot", "Open world", "Calibration"} == set(kinds)
    out = capsys.readouterr().out
    assert "6 runs, 0 finished; 6 start in 3 packs" in out
    assert re.search(
        r"^at most \d runs in a pack: about 0.0\d GiB each \(ViT-T/8-v2, batch", out, re.M
    )
    assert main([*words, "--output", str(tmp_path / "x"), "--pack", "2", "--dry-run"]) == 0
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    seeds = [[line[i + 1] for i, word in enumerate(line) if word == "--seed"] for line in lines]
    assert seeds == [["1", "2"]] * 3


@pytest.mark.slow
def test_four_datasets_and_two_values_packed_and_alone(tmp_path, in_root, capsys):
    """The same tables, one for each value."""
    for name in ("DescribableTextures", "EuroSAT", "FGVCAircraft", "UCF101"):
        make_root(tmp_path, name)
    words = ["base2new", "--root", str(tmp_path), "--configs", "vit_t8", "--seeds", "1"]
    words += ["--datasets", "dtd", "eurosat", "fgvc_aircraft", "ucf101", *QUICK]
    alone, pack = tables_of([*words, "--vary", "OPTIM.LR", "0.0025", "0.02"], tmp_path, "2")
    assert alone == pack
    assert [title for title, _ in pack if title.startswith("Base-to-new")] == [
        "Base-to-new, averages",
        *(f"Base-to-new, PromptSRC ({TINY}, OPTIM.LR {rate})" for rate in ("0.0025", "0.02")),
    ]
    averages = pack[0][1]
    assert averages[0][1:4] != averages[1][1:4]
    assert "16 runs, 0 finished; 16 start in 8 packs" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, message",
    [
        (["OPTIM.LR"], "--vary OPTIM.LR takes a key of its own and the values, at least one"),
        (["OPTIM.LR", "1", "--vary", "OPTIM.LR", "2"], "--vary OPTIM.LR takes a key of its own"),
        (["OPTIM.LR", "1", "--set", "OPTIM.LR", "2"], "OPTIM.LR is in --set and in --vary"),
        (["SEED", "1"], "SEED is part of the folder's name, not for KEY VALUE pairs; use --seeds"),
        (["OPTIM.LRR", "1"], "OPTIM.LRR (command line) is not a config key; did you mean OPTIM.LR"),
    ],
)
def test_values_that_cannot_vary_are_one_line(words, message, tmp_path, in_root, capsys):
    make_root(tmp_path, "EuroSAT")
    given = ["base2new", "--root", str(tmp_path), "--output", str(tmp_path / "out"), "--vary"]
    try:
        code = main([*given, *words])
    except SystemExit as error:
        code = error.code
    assert code == 2 and message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("value", ["0", "-1", "all"])
def test_another_pack_is_refused(value, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["--root", str(tmp_path), "--pack", value])
    assert end.value.code == 2
    assert f"--pack is {value}; it is a number of runs, or auto" in capsys.readouterr().err
