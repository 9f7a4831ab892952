"""Every command answers --help, and mistakes that need no PyTorch, without importing it.

The commands are found by walking the tree; those of `benchmarks` and `tools`, which measure and
make shipped data, are for developers and left out.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

HEAVY = ("torch", "torchvision", "PIL.Image", "sklearn", "scipy", "tensorboard", "dassl.utils")
FOR_DEVELOPERS = {"benchmarks", "tools", "tests", "data", ".venv"}
# runs a command as a process would, and says what it imported
LAUNCHER = """
import runpy, sys
command, sys.argv = sys.argv[1], sys.argv[1:]
try:
    if command.endswith(".py"):
        sys.path.insert(0, "")
        runpy.run_path(command, run_name="__main__")
    else:
        runpy.run_module(command, run_name="__main__", alter_sys=True)
finally:
    found = [name for name in HEAVY if name in sys.modules]
    print("imported", *found, file=sys.stderr)
"""


def commands():
    """`train.py`, `sweep`, `promptsrc.export`: what is run as a script or with `python -m`."""
    for file in sorted(ROOT.rglob("*.py")):
        path = file.relative_to(ROOT)
        if path.parts[0] in FOR_DEVELOPERS or '\nif __name__ == "__main__"' not in file.read_text():
            continue
        module = ".".join(path.with_suffix("").parts).removesuffix(".__main__")
        yield path.name if len(path.parts) == 1 else module


def run(words, cwd=ROOT):
    """The exit code, output and error lines of a command, which must import nothing heavy."""
    code = LAUNCHER.replace("HEAVY", repr(HEAVY), 1)
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=cwd
    )
    *errors, imported = done.stderr.splitlines()
    assert imported == "imported", f"{imported}; {errors}"
    return done.returncode, done.stdout, errors


def test_the_walk_finds_the_commands():
    assert {*commands()} >= {
        *("train.py", "predict.py", "parse_test_res.py", "demo.py"),
        *("sweep", "sweep.script", "report", "datasets.check"),
        *("promptsrc.export", "promptsrc.hub"),
    }


@pytest.mark.parametrize("command", [*commands(), "promptsrc.hub push", "promptsrc.hub pull"])
def test_help_is_instant(command):
    code, out, errors = run([*command.split(), "--help"])
    assert code == 0 and out.startswith("usage: ") and errors == []


RUN = "train.py --trainer IVLP --dataset-config-file configs/datasets/emoji.yaml --root data"
SETTINGS = "configs/trainers/IVLP/vit_t8_c2_ep20_batch4_4+4ctx.yaml"
METHOD = f"--config-file {SETTINGS} --output-dir {{tmp}}/o"
MISTAKES = {
    "train.py {tmp}/no": (2, "{tmp}/no"),
    "train.py docs": (2, "no class folders"),
    "train.py data/emoji/images --trainer CoOpp --output-dir {tmp}/o": (
        1,
        "'CoOpp' is not available",
    ),
    "train.py data/emoji/images --dataset-config-file x.yaml": (2, "leave one out"),
    "train.py --trainer PromptSRCC": (2, "--trainer is 'PromptSRCC'"),
    "train.py --trainer IVLP OPTIM.LRR 1": (2, "OPTIM.LRR (command line) is not a config key"),
    "train.py --trainer IVLP TRAINER.IVLP.N_CTXX 1": (2, "did you mean TRAINER.IVLP.N_CTX_TEXT"),
    "train.py --trainer IVLP REGULATION.GPA_MEAN x": (2, "is 'x'; it takes a finite number"),
    "train.py --trainer IVLP --backbone ViT-B/17": (1, "backbone 'ViT-B/17' is neither a name"),
    "train.py --trainer IVLP --backbone vit-b/16": (1, "; did you mean ViT-B/16?"),
    "train.py --trainer IVLP --eval-only --model-dir {tmp}/no": (1, "{tmp}/no has no checkpoint"),
    "train.py --trainer IVLP --eval-only --model-dir docs": (1, "docs has no checkpoint"),
    "predict.py photos": (2, "the following arguments are required: --model-dir"),
    "predict.py {tmp}/no --model-dir docs": (1, "{tmp}/no"),
    "predict.py docs --model-dir {tmp}/no": (1, "no file {tmp}/no"),
    "predict.py docs --model-dir docs": (1, "docs has no checkpoint"),
    "predict.py docs --model-dir configs/protocols.yaml": (1, "give the folder of its run"),
    "promptsrc.export docs {tmp}/a.npz": (1, "docs has no checkpoint"),
    "promptsrc.hub push docs a/b": (1, "docs has no checkpoint"),
    "predict.py docs --model-dir docs --classnames a,,b": (2, "--classnames: name 2 is empty"),
    "predict.py docs --model-dir docs --classnames cat,Cat": (2, "duplicate class name 'Cat'"),
    "predict.py docs --model-dir docs --csv --json": (2, "not allowed with argument --csv"),
    "promptsrc.export {tmp}/no {tmp}/a.npz": (1, "no file {tmp}/no"),
    "promptsrc.export docs {tmp}/no/a.npz": (1, "no folder {tmp}/no to write a.npz to"),
    "promptsrc.export docs a.npz --backbone RN50": (2, "belong together"),
    "promptsrc.hub push {tmp}/no a/b": (1, "no file {tmp}/no"),
    "promptsrc.hub pull a/b {tmp}/no/a.safetensors": (1, "no folder {tmp}/no"),
    "datasets.check --root {tmp}/no": (2, "{tmp}/no is not a folder"),
    "datasets.check --root data Emojis": (2, "no dataset 'Emojis'; did you mean Emoji?"),
    "report {tmp}/no": (1, "no folder {tmp}/no"),
    "parse_test_res.py": (2, "arguments are required: directory"),
    "sweep few --root data": (2, "no protocol 'few'"),
    "sweep base2new --root {tmp}/no": (2, "--root is {tmp}/no, not a folder"),
    "sweep base2new --root data --datasets emoji --output {tmp}/o --set OPTIM.LRR 1": (
        2,
        "OPTIM.LR?",
    ),
    "demo.py --comparee": (2, "unrecognized arguments"),
    f"{RUN} {METHOD} --trainer PromptSRCC": (1, "did you mean PromptSRC?"),
    f"{RUN} {METHOD} --root {{tmp}}/no": (1, "{tmp}/no, which is not a folder"),
    f"{RUN} {METHOD} --root tests": (1, "tests, which has no emoji/"),
    f"{RUN} {METHOD} DATASET.NAME Emojis": (1, "did you mean Emoji?"),
    f"{RUN} {METHOD} DATASET.NAME ImageFolder DATASET.FOLDER no": (1, "data/no is not a folder"),
    f"{RUN} {METHOD} --seed 4294967296": (2, "--seed (SEED) is 4294967296"),
    f"{RUN} --config-file no.yaml": (2, "no config file no.yaml; configs has the shipped ones"),
    f"{RUN} --config-file {SETTINGS[8:-8]}.yaml": (2, f"did you mean {SETTINGS}?"),
    f"{RUN} {METHOD} --dataset-config-file eurosat": (2, "configs/datasets/eurosat.yaml?"),
    f"{RUN} {METHOD} --dataset-config-file configs/datasets/emojis.yaml": (2, "datasets has "),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_said_at_once(words, tmp_path):
    code, says = MISTAKES[words]
    found, out, errors = run(words.format(tmp=tmp_path).split())
    assert found == code and out == "" and len(errors) == 1
    assert errors[0].startswith("error: ") and says.format(tmp=tmp_path) in errors[0]
    assert not any(Path(tmp_path).iterdir())
