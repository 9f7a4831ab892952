"""docs/OWN_METHOD.md does what it says: its code, its change and its commands, in a copy of the checkout."""

import os
import re
import shutil
import subprocess
import sys

from promptsrc.checkpoint import read_checkpoint
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "OWN_METHOD.md").read_text()
CODE = [name for name in os.listdir(ROOT) if name.endswith(".py") or (ROOT / name / "__init__.py").exists()]


def block(language):
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)
    return text


def test_the_page_is_short():
    assert len(PAGE.splitlines()) <= 80
    code = [line for line in block("python").splitlines() if line.strip()]
    assert 0 < len(code) < 60


def test_the_page_makes_a_method_that_trains(tmp_path):
    for name in [*CODE, "configs", "data"]:
        if name != "tests":
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    (tmp_path / "trainers" / "tied.py").write_text(block("python"))
    subprocess.run(["patch", "-p1"], input=block("diff"), cwd=tmp_path, check=True, text=True, capture_output=True)
    commands = block("bash").replace("fp32", "fp32 OPTIM.MAX_EPOCH 1 DATASET.NUM_SHOTS 1")
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", commands], cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines() if "  HM " in line] == ["Tied on emoji"] * 2
    files = sorted(tmp_path.glob("output/**/prompt_learner/model.pth.tar-1"))
    assert len(files) == 2
    for file in files:
        shapes = {key: tuple(value.shape) for key, value in read_checkpoint(file)["state_dict"].items()}
        assert shapes == {"vectors": (4, 128), "gain": (6,)}
