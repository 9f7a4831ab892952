"""The four protocols end to end on made roots, stopped and resumed; tables against one by hand."""

import os
import re
import shlex
import signal
import subprocess
import sys

import pytest

from report.results import find
from report.tables import tables
from runs.folder import locked
from sweep import local
from sweep.__main__ import main
from tests.conftest import ROOT
from tests.datasets.roots import make_root
from tests.sweep.test_local import processes_of, wait_for

CFG = "vit_t8_c2_ep20_batch4_4+4ctx"
OPTIONS = [
    "--configs",
    "vit_t8",
    "--seeds",
    "1",
    "--shots",
    "2",
    "--datasets",
    "dtd",
    "eurosat",
    "imagenet_a",
]
QUICK = ["--set", "OPTIM.MAX_EPOCH", "2", "TRAINER.PROMPTSRC.GPA_MEAN", "2"]
RUNS = [
    *(
        f"base2new/{part}/{name}/shots_2/PromptSRC/{CFG}/seed1"
        for name in ("dtd", "eurosat")
        for part in ("train_base", "test_new")
    ),
    *(f"{name}/PromptSRC/{CFG}_2shots/seed1" for name in ("dtd", "eurosat")),
    f"imagenet/PromptSRC/{CFG}_16shots/seed1",
    *(
        f"evaluation/PromptSRC/{CFG}_16shots/{name}/seed1"
        for name in ("dtd", "eurosat", "imagenet_a")
    ),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    for name in ("DescribableTextures", "EuroSAT", "ImageNet", "ImageNetA"):
        make_root(root, name)
    return root


def sweep(root, output, *words):
    """scripts/sweep.sh as a process."""
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    command = [
        "bash",
        "scripts/sweep.sh",
        "--output",
        str(output),
        *OPTIONS,
        "--workers",
        "2",
        *words,
        *QUICK,
    ]
    environment = os.environ | {"DATA": str(root), "PATH": path, "VIRTUAL_ENV": sys.prefix}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def by_hand(output, folder):
    """The accuracy in a run's newest log."""
    logs = sorted((output / folder).glob("log.txt*"))
    return float(
        re.findall(r"\* accuracy: ([\d.]+)%", "".join(log.read_text() for log in logs))[-1]
    )


def test_a_stopped_sweep_resumes_and_its_tables_are_right(root, tmp_path, capsys):
    process = sweep(root, tmp_path)
    wait_for(lambda: len(list(tmp_path.rglob("VLPromptLearner/checkpoint"))) >= 2)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "stopped; rerun the same command to resume" in out
    assert processes_of(tmp_path) == []
    finished = {str(result.folder) for result in find(tmp_path) if result.accuracy is not None}
    logs = {folder: (tmp_path / folder / "log.txt").read_bytes() for folder in finished}
    assert len(finished) < len(RUNS)

    process = sweep(root, tmp_path)
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 0, out
    assert f"10 runs, {len(finished)} finished" in out and "[10/10] " in out
    assert {str(result.folder) for result in find(tmp_path)} == set(RUNS)
    assert all((tmp_path / folder / "log.txt").read_bytes() == log for folder, log in logs.items())

    value = {folder: by_hand(tmp_path, folder) for folder in RUNS}
    made = {
        table.title: {row[0]: row[1:] for row in table.rows} for table in tables(find(tmp_path))
    }
    rows = made[f"Base-to-new, PromptSRC ({CFG}, 2 shots)"]
    base = [
        value[f"base2new/train_base/{name}/shots_2/PromptSRC/{CFG}/seed1"]
        for name in ("dtd", "eurosat")
    ]
    new = [
        value[f"base2new/test_new/{name}/shots_2/PromptSRC/{CFG}/seed1"]
        for name in ("dtd", "eurosat")
    ]
    assert rows["DTD"] == [
        f"{base[0]:.2f}",
        f"{new[0]:.2f}",
        f"{2 / (1 / base[0] + 1 / new[0]):.2f}",
    ]
    b, n = sum(base) / 2, sum(new) / 2
    assert rows["Average (2 of 11 datasets)"] == [
        f"{b:.2f}",
        f"{n:.2f}",
        f"{2 / (1 / b + 1 / n):.2f}",
    ]
    shots = [value[f"{name}/PromptSRC/{CFG}_2shots/seed1"] for name in ("dtd", "eurosat")]
    assert made[f"Few-shot, PromptSRC ({CFG})"]["EuroSAT"][0] == f"{shots[1]:.2f}"
    assert (
        made[f"Few-shot, PromptSRC ({CFG})"]["Average"][0]
        == f"{sum(shots) / 2:.2f} (2 of 11 datasets)"
    )
    source = value[f"imagenet/PromptSRC/{CFG}_16shots/seed1"]
    tests = [
        value[f"evaluation/PromptSRC/{CFG}_16shots/{name}/seed1"]
        for name in ("dtd", "eurosat", "imagenet_a")
    ]
    cross = made["Cross-dataset"][f"PromptSRC ({CFG})"]
    assert (cross[0], cross[8], cross[9]) == (f"{source:.2f}", f"{tests[0]:.2f}", f"{tests[1]:.2f}")
    assert cross[-1] == f"{(tests[0] + tests[1]) / 2:.2f} (2 of 10 datasets)"
    assert made["Domain generalization"][f"PromptSRC ({CFG})"][3] == f"{tests[2]:.2f}"

    # finished: nothing is left to run, unless the configuration is another one
    words = ["--root", str(root), "--output", str(tmp_path), *OPTIONS, "--dry-run"]
    os.chdir(ROOT)
    assert main([*words, *QUICK]) == 0 and capsys.readouterr().out.strip() == ""
    assert main([*words, *QUICK, "OPTIM.LR", "0.1"]) == 0
    commands = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert len(commands) == 10 and all(
        command[1] == "train.py" and command[-2:] == ["OPTIM.LR", "0.1"] for command in commands
    )


@pytest.mark.parametrize(
    "words, message",
    [
        (["base2neww"], "no protocol 'base2neww'; choose from base2new, few-shot"),
        (["--datasets", "eurosatt"], "no dataset 'eurosatt'; configs/datasets has caltech101"),
        (["--datasets", "configs"], "ucf101; your own images need a file there (see --help)"),
        (["--workers", "0"], "--workers is 0; it must be at least 1"),
        (["--methods", "PromptSRCC"], "no settings for method 'PromptSRCC'"),
        (
            ["--set", "OPTIM.LRR", "1"],
            "OPTIM.LRR (command line) is not a config key; did you mean OPTIM.LR?",
        ),
        (
            ["--set", "DATASET.NUM_SHOTS", "1"],
            "DATASET.NUM_SHOTS is part of the folder's name, not for KEY VALUE pairs",
        ),
        (["--set", "OPTIM.MAX_EPOCH", "x"], "OPTIM.MAX_EPOCH is 'x'; it takes a whole number"),
        (["--seeds", "1", "-1"], "--seeds has -1; seeds are 0 or above"),
        (["--configs", "vit_l"], "no method file of PromptSRC starts with 'vit_l'"),
    ],
)
def test_an_invalid_command_line_is_one_line(root, tmp_path, in_root, capsys, words, message):
    try:
        code = main([*words, "--root", str(root), "--output", str(tmp_path)])
    except SystemExit as error:
        code = error.code
    assert code == 2 and message in capsys.readouterr().err.splitlines()[-1]


def test_a_folder_is_for_one_sweep_at_a_time(root, tmp_path, in_root, monkeypatch, capsys):
    words = ["base2new", "--root", str(root), "--output", str(tmp_path), *OPTIONS, *QUICK]

    def second(jobs, environments, done, pack):
        """The first sweep works; another one is started."""
        consoles = {job.folder / local.CONSOLE for job in jobs}
        for console in consoles:
            console.parent.mkdir(parents=True)
            console.write_text("of the first")
        before = sorted(tmp_path.rglob("*"))
        capsys.readouterr()
        assert main(words) == 75
        assert capsys.readouterr() == (
            "",
            f"error: another sweep works in {tmp_path}; wait until it ends, or use another "
            "--output\n",
        )
        assert {console.read_text() for console in consoles} == {"of the first"}
        assert sorted(tmp_path.rglob("*")) == before
        assert main([*words, "--dry-run"]) == 0  # which only reads
        return {}

    monkeypatch.setattr(local, "run", second)
    assert main(words) == 0
    assert not (tmp_path / ".lock").exists()
    monkeypatch.setattr(local, "run", lambda *_: {})
    assert main(words) == 0  # it has ended


def test_a_killed_sweep_frees_its_folder(root, tmp_path, in_root, monkeypatch):
    (tmp_path / ".lock").touch()
    monkeypatch.setattr(local, "run", lambda *_: {})
    words = ["base2new", "--root", str(root), "--output", str(tmp_path), *OPTIONS, *QUICK]
    assert main(words) == 0 and list(tmp_path.iterdir()) == []


def test_a_run_under_way_is_not_a_failure(root, tmp_path, in_root, capsys):
    """It may be of a sweep that was killed, or started by hand."""
    words = ["base2new", "--root", str(root), "--output", str(tmp_path), *OPTIONS, *QUICK]
    run = tmp_path / RUNS[2]
    run.mkdir(parents=True)
    (run / local.CONSOLE).write_text("of the run")
    with locked(run, ValueError()):
        before = sorted(tmp_path.rglob("*"))
        assert main(words) == 75
        assert sorted(tmp_path.rglob("*")) == before
    error = f"error: another run works in {run}; wait until it ends, or use another --output\n"
    assert capsys.readouterr() == ("", error)
    assert (run / local.CONSOLE).read_text() == "of the run"
