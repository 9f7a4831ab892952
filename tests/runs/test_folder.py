"""One output folder, one process, one configuration."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest
import yaml
from dassl.utils import tools

from promptsrc import files
from runs import folder
from runs.arguments import parse_args, setup_config
from tests.conftest import ROOT

EMOJI = str(ROOT / "configs/datasets/emoji.yaml")
WORDS = ["--trainer", "PromptSRC", "--seed", "1", "--dataset-config-file", EMOJI]
RESULT = "=> result\n* accuracy: 50.0%\n"
LOADING = "Loading dataset: Emoji\n"


def config(path, *words):
    return setup_config(parse_args([*WORDS, "--output-dir", str(path), *words]))


def taken(path, *words, result=RESULT):
    """A folder in which a run has begun."""
    folder.claim(config(path, *words))
    (path / "log.txt").write_text(result)
    return path


def contents(path):
    return {file.name: file.read_text() for file in path.iterdir()}


def test_a_failed_run_can_be_started_with_another_configuration(tmp_path):
    taken(tmp_path, result=LOADING)
    folder.claim(config(tmp_path, "OPTIM.LR", "0.1"))
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["OPTIM"]["LR"] == 0.1


@pytest.mark.parametrize("name", ["VLPromptLearner/model.pth.tar-1", "unfinished.state"])
def test_a_checkpoint_protects_a_folder(tmp_path, name):
    taken(tmp_path, result="")
    (tmp_path / "VLPromptLearner").mkdir()
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match="another configuration"):
        folder.claim(config(tmp_path, "OPTIM.LR", "0.1"))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_start_leaves_nothing(tmp_path, error):
    path, console = tmp_path / "seed1", sys.stdout
    with pytest.raises(error), folder.held(config(path)):
        print("Loading dataset: Emoji")
        assert (path / "log.txt").is_file() and (path / "config.yaml").is_file()
        raise error
    assert list(tmp_path.iterdir()) == [] and sys.stdout is console


def test_a_failed_start_keeps_the_files_it_found(tmp_path):
    for name in ("log.txt", "console.txt"):
        (tmp_path / name).write_text(name)
    with pytest.raises(ValueError), folder.held(config(tmp_path)):
        raise ValueError
    assert contents(tmp_path) == {"log.txt": "log.txt", "console.txt": "console.txt"}


def test_a_folder_of_the_user_is_left_alone(tmp_path):
    names = ("log.txt", "log.txt-old", "notes.md")
    files = {"config.yaml": "my: own\n", **dict.fromkeys(names, "mine")}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    message = "config.yaml is not the configuration of a run; use another --output-dir, or move it"
    with pytest.raises(ValueError, match=message), folder.held(config(tmp_path)):
        pytest.fail("the run has begun")
    assert contents(tmp_path) == files


def test_what_killed_writers_have_left_is_deleted(tmp_path):
    model = tmp_path / "VLPromptLearner"
    model.mkdir()
    left = [tmp_path / ".config.0123456789abcdef0123456789abcdef.yaml"]
    left += [model / f".{name}.x_8kq2ab" for name in ("model.pth.tar-2", "checkpoint")]
    left.append(model / ".model-unfinished.pth.tar.a1b2c3d4")  # of version 0.1
    left += [tmp_path / f".{name}.x_8kq2ab" for name in ("unfinished.state", "model.pth.tar-2")]
    kept = [tmp_path / ".gitignore", tmp_path / ".notes.12345678", model / "model.pth.tar-1"]
    for file in left + kept:
        file.touch()
    with folder.held(config(tmp_path)):
        assert not any(file.exists() for file in left)
    assert all(file.exists() for file in kept)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: tools.replacing(path),
        lambda path: files.replacing(path),
    ],
)
@pytest.mark.parametrize(
    "name", ["model.pth.tar-3", "checkpoint", "unfinished.state", "config.yaml"]
)
def test_a_temporary_name_is_one_that_is_deleted(tmp_path, write, name):
    with write(tmp_path / name) as part:
        assert folder.PART.fullmatch(os.path.basename(part))
        open(part, "w").close()
    assert not folder.PART.fullmatch(name)


def test_the_files_of_a_killed_start_are_deleted_and_no_others(tmp_path):
    folder.claim(config(tmp_path))
    for name in ("log.txt", "log.txt-2026-01-01-00-00-00", "log.txt.bak"):
        (tmp_path / name).write_text(LOADING)
    with pytest.raises(ValueError), folder.held(config(tmp_path)):
        raise ValueError
    assert [file.name for file in tmp_path.iterdir()] == ["log.txt.bak"]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def half(part, text, encoding):
        part.write_bytes(text[:9].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder.Path, "write_text", half)
    message = r"seed1/config.yaml can't be written \(No space left on device\); make room"
    with pytest.raises(OSError, match=message), folder.held(config(tmp_path / "seed1")):
        pytest.fail("the run has begun")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_after_its_result_keeps_it(tmp_path):
    with pytest.raises(ValueError), folder.held(config(tmp_path)):
        print(RESULT)
        raise ValueError
    assert folder.has_begun(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"log.txt", "config.yaml"}


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(OSError, match=r"--output-dir \(OUTPUT_DIR\) .*file/run can't be made"),
        folder.held(config(tmp_path / "file" / "run")),
    ):
        pytest.fail("the run has begun")


def test_a_folder_is_for_one_run_at_a_time(tmp_path):
    with folder.held(config(tmp_path)):
        with (
            pytest.raises(ValueError, match="another run works in .*; wait until it ends"),
            folder.held(config(tmp_path)),
        ):
            pytest.fail("two runs hold it")
        print(RESULT)
    with folder.held(config(tmp_path)):
        pass


def test_a_lock_file_is_not_yet_a_lock(tmp_path):
    assert not folder.is_locked(tmp_path) and not folder.is_locked(tmp_path / "none")
    (tmp_path / folder.LOCK).touch()  # of a killed run
    assert not folder.is_locked(tmp_path)
    with folder.locked(tmp_path, ValueError()):
        assert folder.is_locked(tmp_path)
    assert list(tmp_path.iterdir()) == []


HOLDING = """
import multiprocessing, sys, time
from runs import folder
from tests.runs.test_folder import config

with folder.held(config(sys.argv[1])):
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    child.start()
    print(child.pid, file=sys.stderr, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="forked children inherit files"
)
def test_a_killed_run_frees_its_folder_though_its_loading_processes_live(tmp_path):
    command = [sys.executable, "-c", HOLDING, str(tmp_path)]
    run = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    child = int(run.stderr.readline())
    try:
        time.sleep(0.05)  # for the child to leave the fork
        with pytest.raises(ValueError, match="another run"), folder.held(config(tmp_path)):
            pytest.fail("two runs hold it")
        run.kill()
        run.wait()
        with folder.held(config(tmp_path)):
            os.kill(child, 0)  # it lives
    finally:
        os.kill(child, signal.SIGKILL)
        run.stderr.close()
