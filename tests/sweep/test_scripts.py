"""Every script of scripts/, called as in CoOp: a real run on made roots, into its usual folder."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import train
from report.results import find
from runs import job, protocols, settings
from runs.results import TESTED, parse_run
from sweep import script
from tests.conftest import ROOT
from tests.datasets.roots import make_root

SCRIPTS = sorted((ROOT / "scripts").glob("*/*.sh"))
QUICK = ["OPTIM.MAX_EPOCH", "1"]
B2N, XD = ["eurosat", "1"], ["imagenet", "1"]
# in this order, the reproduce scripts last: tests follow the trainings whose prompts they load
CALLS = {
    "promptsrc/base2new_train": B2N,
    "promptsrc/base2new_test": B2N,
    "promptsrc/few_shot": ["eurosat", "1"],
    "promptsrc/xd_train": XD,
    "promptsrc/xd_test": B2N,
    "promptsrc/reproduce_base2novel_setting": [*B2N, "weights/PromptSRC"],
    "promptsrc/reproduce_few_shot": ["eurosat", "1", "weights/PromptSRC"],
    "promptsrc/reproduce_xd": ["eurosat", "1", "weights/PromptSRC/xd"],
    "maple/base2new_train_maple": B2N,
    "maple/base2new_test_maple": B2N,
    "maple/xd_train_maple": XD,
    "maple/xd_test_maple": B2N,
    "maple/reproduce_maple": [*B2N, "weights/MaPLe"],
    "maple/reproduce_maple_xd": ["eurosat", "1", "weights/MaPLe/xd"],
    "independent-vlp/base2new_train_ivlp": B2N,
    "independent-vlp/base2new_test_ivlp": B2N,
    "independent-vlp/xd_train_ivlp": XD,
    "independent-vlp/xd_test_ivlp": B2N,
    "independent-vlp/reproduce_ivlp": [*B2N, "weights/IVLP"],
    "vpt/base2new_train_vpt": B2N,
    "vpt/base2new_test_vpt": B2N,
    "vpt/xd_train_vpt": XD,
    "vpt/xd_test_vpt": B2N,
    "vpt/reproduce_vpt": [*B2N, "weights/VPT"],
    "cocoop/base2new_train": B2N,
    "cocoop/base2new_test": B2N,
    "cocoop/xd_train": ["1"],
    "cocoop/xd_test": B2N,
    "clap/few_shot": ["eurosat", "1"],
    "clip_adapter/few_shot": ["eurosat", "1"],
    "lp_plus_plus/few_shot": ["eurosat", "1"],
    "taskres/few_shot": ["eurosat", "1"],
    "tip_adapter/few_shot": ["eurosat", "1"],
    "tip_adapter/few_shot_f": ["eurosat", "1"],
    "coop/main": ["imagenet", "vit_t8_ctxv1", "end", "16", "16", "False"],
    "coop/eval": ["eurosat", "vit_t8_ctxv1"],
    "prograd/prograd": ["imagenet", "vit_t8_ep100", "end", "16", "16", "False"],
    "prograd/base2new_train_prograd": ["eurosat"],
    "prograd/base2new_test_prograd": ["eurosat"],
    "kgcoop/base2new_train": ["eurosat", "8.0"],
    "kgcoop/base2new_test": ["eurosat", "8.0"],
    "kgcoop/run": [],
    "dept/base2new_train": ["MaPLe", *B2N],
    "dept/base2new_test": ["MaPLe", *B2N],
    "dept/xd_train": ["MaPLe", *XD],
    "dept/xd_test": ["MaPLe", *B2N],
    **{
        f"{folder}/{name}": words
        for folder in ("mmrl", "mmrlpp")
        for name, words in {
            "base2new_train": B2N,
            "base2new_test": B2N,
            "few_shot": ["eurosat", "1"],
            "xd_train": XD,
            "xd_test": B2N,
        }.items()
    },
    "tcp/base2new_train": [],
    "clip_lora/few_shot": ["eurosat", "1"],
    "zsclip/zeroshot": ["eurosat", "vit_t8_ctxv1"],
}
TINY = {
    "PromptSRC": "vit_t8_c2_ep20_batch4_4+4ctx",
    "MaPLe": "vit_t8_c2_ep5_batch4_2ctx",
    "IVLP": "vit_t8_c2_ep20_batch4_4+4ctx",
    "VPT": "vit_t8_c2_ep5_batch4_4",
    "CoCoOp": "vit_t8_c4_ep10_batch1_ctxv1",
    "MMRL": "vit_t8",
    "MMRLpp": "vit_t8",
    "ExtrasLinearProbeMaPLe": "vit_t8_c2_ep10_batch4_2ctx",
}
ON_FEATURES = {"CLIPAdapter": "vit_t8", "TaskRes": "vit_t8_ep200"}  # few-shot scripts alone
ON_FEATURES |= dict.fromkeys(("CLAP", "LinearProbe", "TipAdapter", "TipAdapterF"), "vit_t8")
REPRODUCED = ("PromptSRC", "MaPLe", "IVLP", "VPT")  # by scripts that test published weights


def python_calls(folder, name, *words):
    """What a script runs in place of python."""
    fake = folder / "bin" / "python"
    if not fake.exists():
        fake.parent.mkdir()
        fake.write_text(
            f"#!{sys.executable} -S\nimport json, sys\n"
            f'open("{folder}/call", "w").write(json.dumps(sys.argv[1:]))\n'
        )
        fake.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{fake.parent}:{os.environ['PATH']}",
        "VIRTUAL_ENV": str(folder),
    }
    subprocess.run(
        ["bash", str(ROOT / "scripts" / f"{name}.sh"), *words], check=True, env=environment
    )
    return json.loads((folder / "call").read_text())


def train_here(command):
    """train.py in this process, which has PyTorch loaded."""
    assert command[:2] == [sys.executable, str(ROOT / "train.py")]
    stdout = sys.stdout
    try:
        return train.main(command[2:])
    finally:
        if sys.stdout is not stdout:
            sys.stdout.close()
        sys.stdout = stdout


def make_small_roots(root):
    """EuroSAT and ImageNet with one training image per class, since scripts fix the shots."""
    split = make_root(root, "EuroSAT") / "split_zhou_EuroSAT.json"
    parts = json.loads(split.read_text())
    parts["train"] = list({label: item for item in parts["train"] for label in item[1:2]}.values())
    split.write_text(json.dumps(parts))
    for folder in filter(Path.is_dir, (make_root(root, "ImageNet") / "images/train").iterdir()):
        for image in sorted(folder.iterdir())[1:]:
            image.unlink()


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """An empty folder to work in, made datasets, and the tiny CLIP's method files."""
    make_small_roots(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(job, "ROOT", ROOT)
    monkeypatch.setattr(job, "call", train_here)
    for module in (protocols, settings):
        monkeypatch.setattr(module, "CONFIGS", ROOT / "configs")
    monkeypatch.setattr(protocols, "ELEVEN", ("imagenet", "eurosat"))
    monkeypatch.setenv("DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CFG", "vit_t8")
    return tmp_path


def keep_as_published_weights(folder):
    """Trained runs in the layout that the reproduce scripts take."""
    for trainer, cfg in TINY.items():
        weights = folder / "weights" / trainer
        places = {
            "base/seed1": f"base2new/train_base/eurosat/shots_16/{trainer}/{cfg}/seed1",
            "xd/seed1": f"imagenet/{trainer}/{cfg}_16shots/seed1",
            **{f"1shot/seed{s}": f"eurosat/{trainer}/{cfg}_1shots/seed{s}" for s in (1, 2, 3)},
        }
        for name, run in places.items():
            if (folder / "output" / run).is_dir() and not (weights / name).is_dir():
                shutil.copytree(folder / "output" / run, weights / name)


def expected_folders():
    for trainer, cfg in TINY.items():
        yield from (
            f"base2new/{part}/eurosat/shots_16/{trainer}/{cfg}/seed1"
            for part in ("train_base", "test_new")
        )
        yield f"imagenet/{trainer}/{cfg}_16shots/seed1"
        yield f"evaluation/{trainer}/{cfg}_16shots/eurosat/seed1"
        if trainer in REPRODUCED:
            yield f"base2new/test_base/eurosat/shots_16/{trainer}/{cfg}/seed1"
    for seed in (1, 2, 3):
        for trainer, cfg in ON_FEATURES.items():
            yield f"eurosat/{trainer}/{cfg}_1shots/seed{seed}"
        for above in ("", "few_shot/"):
            yield f"{above}eurosat/PromptSRC/{TINY['PromptSRC']}_1shots/seed{seed}"
        for trainer in ("MMRL", "MMRLpp", "CLIPLoRA"):
            yield f"eurosat/{trainer}/vit_t8_1shots/seed{seed}"
        for part in ("train_base", "test_new"):
            yield f"base2new/{part}/eurosat/shots_4/ProGrad/vit_t8_ep100/seed{seed}"
            for dataset in ("imagenet", "eurosat"):
                folder = "TCP/vit_t8_ep100_ctxv1"
                yield f"base2new/{part}/{dataset}/shots_16_1.0/{folder}/seed{seed}"
            yield f"base2new/{part}/eurosat/shots_16_8.0/KgCoOp/vit_t8_ep100_ctxv1/seed{seed}"
        yield f"imagenet/ProGrad/vit_t8_ep100_16shots/nctx16_cscFalse_ctpend/seed{seed}"
        yield f"imagenet/CoOp/vit_t8_ctxv1_16shots/nctx16_cscFalse_ctpend/seed{seed}"
        yield f"evaluation/CoOp/vit_t8_ctxv1_16shots/nctx16_cscFalse_ctpend/eurosat/seed{seed}"
    yield "ZeroshotCLIP/vit_t8_ctxv1/eurosat"


def test_every_script_runs_into_its_folder(workplace, capsys):
    assert [f"{file.parent.name}/{file.stem}" for file in SCRIPTS] == sorted(CALLS)
    output, first = workplace / "output", workplace / "first"
    for name in sorted(CALLS, key=lambda name: "reproduce" in name):
        if "reproduce" in name and not first.exists():
            keep_as_published_weights(workplace)
            shutil.copytree(output, first)
            for part in ("base2new/test_new", "evaluation"):
                shutil.rmtree(output / part)
        call = python_calls(workplace, name, *CALLS[name], *QUICK)
        assert call[:2] == ["-m", "sweep.script"]
        assert script.main(call[2:]) == 0, capsys.readouterr().err
    results = [*find(output), *find(first)]
    assert {str(result.folder) for result in results} == set(expected_folders())
    assert all(result.accuracy is not None for result in results)
    for trainer, cfg in TINY.items():  # the same prompts on the same classes
        if trainer in REPRODUCED:
            tail = f"eurosat/shots_16/{trainer}/{cfg}/seed1"
            for trained, tested in (("train_base", "test_base"), ("test_new", "test_new")):
                once = parse_run(first / "base2new" / trained / tail, TESTED)[1]
                assert once == parse_run(output / "base2new" / tested / tail, TESTED)[1]

    # of other prompts there is a result in that folder already
    call = python_calls(workplace, "promptsrc/base2new_test", *B2N, *QUICK)
    assert script.main(call[2:]) == 1
    assert (
        "test_new/eurosat" in (error := capsys.readouterr().err)
        and "another configuration: MODEL_DIR" in error
    )

    # a finished run stays; one of another configuration is refused
    call = python_calls(workplace, "promptsrc/base2new_train", *B2N, *QUICK)
    assert script.main(call[2:]) == 0
    assert "has a finished run" in capsys.readouterr().out
    assert script.main([*call[2:], "OPTIM.LR", "0.1"]) == 1
    assert "another configuration: OPTIM.LR (there: 0.0025, here: 0.1)" in capsys.readouterr().err


def test_another_epoch_and_method_file_come_from_the_environment(monkeypatch, in_root):
    monkeypatch.setenv("DATA", "data")
    monkeypatch.setenv("CFG", "vit_b16_c2_ep50")
    monkeypatch.setenv("LOADEP", "30")
    words = script.jobs_of("base2new_test", "PromptSRC", ["eurosat", "1"])[0].words
    assert words[words.index("--load-epoch") + 1] == "30"
    assert "vit_b16_c2_ep50_batch4_4+4ctx_few_shot.yaml" in words[words.index("--config-file") + 1]


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "error: the following arguments are required: KIND, TRAINER"),
        (["base2new", "PromptSRC"], "KIND: invalid choice: 'base2new' (choose from "),
        (
            ["base2new_train", "PromptSRC", "eurosat"],
            "base2new_train takes DATASET SEED [KEY VALUE ...]; SEED is missing",
        ),
        (
            ["few_shot", "PromptSRC", "eurosat", "all"],
            "SHOTS is 'all'; it takes a whole number, 0 or above",
        ),
        (
            ["base2new_train", "PromptSRC", "eurosat", "-1"],
            "SEED is '-1'; it takes a whole number, 0 or above",
        ),
        (
            ["base2new_test", "PromptSRC", "eurosat", "1", "OPTIM.MAX_EPOCH", "1.5"],
            "OPTIM.MAX_EPOCH is '1.5'; it takes a whole number",
        ),
        (
            ["few_shot", "PromptSRC", "eurosat", "4", "OPTIM.LR", "0.1", "DATASET.NUM_SHOTS", "1"],
            "DATASET.NUM_SHOTS is part of the folder's name, not for KEY VALUE pairs; "
            "use --shots, or a script's SHOTS",
        ),
        (
            ["few_shot", "PromptSRCC", "eurosat", "1"],
            "no settings for method 'PromptSRCC'",
        ),
    ],
)
def test_a_wrong_call_is_one_line(monkeypatch, capsys, words, message):
    monkeypatch.setenv("DATA", "data")
    try:
        code = script.main(words)
    except SystemExit as error:
        code = error.code
    assert code == 2 and message in capsys.readouterr().err


def test_an_epoch_to_load_is_a_number(monkeypatch, capsys):
    monkeypatch.setenv("DATA", "data")
    monkeypatch.setenv("LOADEP", "x")
    assert script.main(["base2new_test", "PromptSRC", "eurosat", "1"]) == 2
    assert capsys.readouterr().err == "error: LOADEP is 'x'; it takes a whole number, 0 or above\n"


@pytest.mark.parametrize("name", ["run.sh", "sweep.sh"])
@pytest.mark.parametrize("active, which", [("", ".venv"), ("mine", "mine")])
def test_scripts_use_makes_environment_unless_another_is_active(tmp_path, name, active, which):
    for folder in (".venv", "mine"):
        python = tmp_path / folder / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\necho {folder} $*\n")
        python.chmod(0o755)
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")
    environment = {
        "PATH": f"{tmp_path / 'mine/bin'}:{os.environ['PATH']}",
        "VIRTUAL_ENV": active,
        "DATA": "data",
    }
    command = ["bash", tmp_path / "scripts" / name]
    out = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout
    assert out.startswith(f"{which} -m sweep")


def test_scripts_say_what_they_need(monkeypatch, capsys):
    monkeypatch.delenv("DATA", raising=False)
    assert script.main(["base2new_train", "PromptSRC", "eurosat", "1"]) == 2
    assert "set DATA to the folder of the datasets" in capsys.readouterr().err
    done = subprocess.run(["bash", ROOT / "scripts" / "sweep.sh"], capture_output=True, text=True)
    assert done.returncode != 0 and "set DATA to the folder of the datasets" in done.stderr
