"""The commands work where Python has neither `fcntl` nor the signals and processes of Unix.

Windows is such a place. Here, a `sitecustomize` takes them away from Python as it starts.
"""

import os
import subprocess
import sys

import pytest
from PIL import Image

from promptsrc.run_folder import find
from tests.conftest import ROOT

WITHOUT = """
import os, signal, sys

for name in ("fcntl", "termios", "resource", "pwd", "grp"):
    sys.modules[name] = None
KEPT = {"SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM", "SIG_DFL", "SIG_IGN"}
for name in dir(signal):
    if name.startswith(("SIG", "pthread_", "sig")) and name not in {*KEPT, "signal"}:
        delattr(signal, name)
for name in ("fork", "killpg", "sched_getaffinity", "setsid", "sysconf"):
    delattr(os, name)
os.register_at_fork = lambda **_: None  # PyTorch calls it on Linux
"""
ROOMS = ("promptsrc", "datasets", "trainers", "runs", "sweep", "report")
COMMANDS = {
    *(file.name for file in ROOT.glob("*.py") if file.name != "setup.py"),
    *(
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        if '\nif __name__ == "__main__"' in file.read_text(encoding="utf-8")
    ),
}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Runs Python in such a place, from the root, and returns what it prints."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "sitecustomize.py").write_text(WITHOUT)
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])

    def run(*words):
        command = [sys.executable, *map(str, words)]
        environment = os.environ | {"PYTHONPATH": path}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_is_such_a_place(elsewhere):
    code = """
import os, signal
try:
    import fcntl
except ImportError:
    print(hasattr(signal, "SIGUSR1"), hasattr(signal, "SIGTERM"), hasattr(os, "killpg"))
"""
    assert elsewhere("-c", code) == "False True False\n"


def test_the_commands_are_found():
    names = {"train.py", "predict.py", "parse_test_res.py", "demo.py", "sweep", "sweep.script"}
    names |= {"report", "promptsrc.export", "promptsrc.hub", "datasets.check"}
    assert names <= COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_has_help(elsewhere, command):
    words = [command] if command.endswith(".py") else ["-m", command]
    assert elsewhere(*words, "--help").startswith("usage: ")


def test_every_module_is_imported(elsewhere):
    """But for the one that needs Slurm."""
    code = f"""
import importlib, pkgutil
for room in {ROOMS}:
    for module in pkgutil.walk_packages([room], room + "."):
        if module.name != "sweep.cluster" and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            print(module.name)
"""
    assert len(elsewhere("-c", code).splitlines()) > 80


@pytest.mark.slow
def test_a_training_of_two_epochs_and_a_prediction(elsewhere, tmp_path):
    pairs = ["OPTIM.MAX_EPOCH", "2", "DATASET.NUM_SHOTS", "1", "TRAINER.PROMPTSRC.GPA_MEAN", "2"]
    out = elsewhere("train.py", "--trainer", "PromptSRC", "--output-dir", tmp_path, *pairs)
    assert out.splitlines()[-1].startswith("PromptSRC on fashion: base ")
    [folder] = (tmp_path / "base2new" / "train_base").rglob("seed1")
    assert find(folder).name == "model.pth.tar-2"
    Image.new("RGB", (48, 48), "red").save(tmp_path / "red.png")
    found = elsewhere("predict.py", "--model-dir", folder, tmp_path / "red.png", "--csv")
    assert found.splitlines()[1].startswith(f"{tmp_path / 'red.png'},")
