"""docs/first_hour.ipynb runs from its first cell to its last, and shows what it printed."""

import json
import os
import subprocess
import sys

from tests.conftest import ROOT

FILE = ROOT / "docs" / "first_hour.ipynb"
# what IPython brings: `!command` and pictures
RUN = """
import json, subprocess, sys, types

shown, display = [], types.ModuleType("IPython.display")
display.HTML, display.display = str, shown.append
sys.modules |= {"IPython": types.ModuleType("IPython"), "IPython.display": display}
names = {"__name__": "__main__"}
for cell in json.load(open("docs/first_hour.ipynb", encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        lines = "".join(cell["source"]).splitlines()
        commands = [line[1:] for line in lines if line.startswith("!")]
        exec("\\n".join(line for line in lines if not line.startswith("!")), names)
        for command in commands:
            subprocess.run(command, shell=True, check=True)
print(json.dumps([text.count("<img") for text in shown]))
"""


def cells():
    return json.loads(FILE.read_text(encoding="utf-8"))["cells"]


def test_all_cells_run(tmp_path):
    for name in ("data", "docs", "promptsrc", "train.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [20, 5]  # pictures with predictions
    made = {path.name for path in (tmp_path / "output/first_hour").iterdir()}
    assert made == {"photos", "run", "classifier.pt2", "prompts.safetensors"}


def test_what_was_printed_and_shown_is_stored():
    text = json.dumps([cell["outputs"] for cell in cells() if cell["cell_type"] == "code"])
    assert "held-back images right" in text and "within 0e+00 of PyTorch" in text
    assert text.count("data:image/png;base64,") == 20 + 5
    assert "%|" not in text and str(ROOT) not in text  # progress bars, and where it ran
