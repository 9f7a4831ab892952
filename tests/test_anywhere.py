"""Commands on a Python without `fcntl` and the Unix signals, as on Windows."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

WINDOWS = """
import os, runpy, signal, sys
for name in ("fcntl", "resource", "termios"):
    sys.modules[name] = None  # importing it is an ImportError
for name in ("SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGALRM", "SIGPIPE", "SIGKILL", "pthread_sigmask"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("killpg", "sched_getaffinity", "sysconf"):
    if hasattr(os, name):
        delattr(os, name)
import warnings
warnings.filterwarnings("ignore", "only soft file lock is available")


def run(command):
    sys.argv = command
    try:
        if command[0].endswith(".py"):
            runpy.run_path(command[0], run_name="__main__")
        else:
            runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ended.code or 0
    return 0
"""
MODULES = ["sweep", "report", "promptsrc.export", "promptsrc.hub", "datasets.check"]
COMMANDS = [*sorted(p.name for p in ROOT.glob("*.py") if p.name != "setup.py"), *MODULES]


def on_windows(code):
    words = [sys.executable, "-c", WINDOWS + code]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True)


def test_every_command_is_tried():
    mains = {str(p.relative_to(ROOT).parent) for p in ROOT.glob("*/**/__main__.py")}
    mains = {name.replace("/", ".") for name in mains if not name.startswith((".", "tests"))}
    assert mains <= set(MODULES)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command):
    done = on_windows(f"sys.exit(run([{command!r}, '--help']))")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ") and not done.stderr


@pytest.mark.slow
def test_a_run_of_two_epochs_and_a_prediction(tmp_path):
    run = tmp_path / "run"
    words = ["--trainer", "PromptSRC", "--root", "data", "--output-dir", str(run), "--seed", "1"]
    words += ["--dataset-config-file", "configs/datasets/emoji.yaml", "--config-file"]
    words += ["configs/trainers/PromptSRC/vit_t8_c2_ep20_batch4_4+4ctx.yaml"]
    words += ["OPTIM.MAX_EPOCH", "2", "DATASET.NUM_SHOTS", "1", "DATALOADER.NUM_WORKERS", "0"]
    predict = ["predict.py", "--model-dir", str(run), "data/emoji/images/bird"]
    done = on_windows(f"sys.exit(run({['train.py', *words]}) or run({predict}))")
    assert done.returncode == 0, done.stderr[-2000:]
    assert (run / "VLPromptLearner" / "model.pth.tar-2").is_file()
    assert re.search(r"emojione-1f413\.png +\d+\.\d% ", done.stdout)
