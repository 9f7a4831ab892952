"""`python train.py --trainer X` with no dataset named."""

import subprocess
import sys

import pytest

import runs.folder as run_folder
import train
from runs.embedded import arguments, harmonic_mean, settings_file, with_defaults
from tests.conftest import ROOT

CFG = "vit_t8_c2_ep20_batch4_4+4ctx"


def run(output, *words):
    command = [sys.executable, "train.py", "--output-dir", str(output), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_base_and_new_in_the_folders_of_the_field_and_not_twice(tmp_path):
    words = ["--trainer", "PromptSRC", "OPTIM.MAX_EPOCH", "1", "DATASET.NUM_SHOTS", "2"]
    first = run(tmp_path, *words)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1].startswith("PromptSRC on emoji: base ")
    tail = f"emoji/shots_2/PromptSRC/{CFG}/seed1"
    for part, signal in (("train_base", "Finish training"), ("test_new", "=> result")):
        assert signal in (tmp_path / "base2new" / part / tail / "log.txt").read_text()
    again = run(tmp_path, *words)
    found = [line for line in again.stdout.splitlines() if "has a finished run" in line]
    assert len(found) == 2 and all(
        "to start afresh, delete it or use another --output-dir" in line for line in found
    )
    assert again.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]
    assert len(list(tmp_path.rglob("log.txt*"))) == 2


def test_zero_shot_is_above_five_times_chance_on_both_halves(tmp_path):
    done = run(tmp_path, "--trainer", "ZeroshotCLIP")
    words = done.stdout.splitlines()[-1].split()
    base, new = float(words[4].rstrip("%")), float(words[6].rstrip("%"))
    assert base > 5 * 100 / 16 and new > 5 * 100 / 15


@pytest.mark.parametrize("trainer", ["", "CoOpp"])
def test_a_trainer_without_settings_names_those_that_have(tmp_path, trainer):
    done = run(tmp_path, *(["--trainer", trainer] if trainer else []))
    assert done.returncode == 2
    assert (
        done.stderr
        == f"error: --trainer is {trainer!r}; on the embedded dataset it is one of CoOp, IVLP, PromptSRC, ZeroshotCLIP\n"
        or ("on the embedded dataset it is one of" in done.stderr and "PromptSRC" in done.stderr)
    )


def test_a_command_line_survives_being_rebuilt():
    words = [
        "--root",
        "data",
        "--seed",
        "0",
        "--transforms",
        "random_flip",
        "normalize",
        "--trainer",
        "IVLP",
        "--eval-only",
        "OPTIM.LR",
        "1",
    ]
    args = train.parse_args(words)
    assert train.parse_args(arguments(args)) == args


def test_a_test_asks_for_no_seed_and_shots_that_were_not_typed(tmp_path):
    def config(*words):
        return train.setup_config(
            with_defaults(train.parse_args(["--trainer", "PromptSRC", *words]))
        )

    trained = tmp_path / "a"
    run_folder.claim(config("--seed", "2", "--output-dir", str(trained), "DATASET.NUM_SHOTS", "4"))
    test = ["--eval-only", "--model-dir", str(trained)]
    run_folder.check_model(config(*test))
    with pytest.raises(ValueError, match=r"SEED \(there: 2, here: 1\)"):
        run_folder.check_model(config(*test, "--seed", "1"))


def test_zero_shot_takes_coops_settings():
    assert settings_file("ZeroshotCLIP2").parent.name == "CoOp"


def test_harmonic_mean():
    assert harmonic_mean(84.26, 76.10) == pytest.approx(79.97, abs=0.005)
    assert harmonic_mean(0, 0) == 0


@pytest.mark.parametrize("prec", ["fp32", "amp", "bf16", "fp16"])
def test_every_precision_trains_and_is_tested(tmp_path, prec):
    pairs = [
        "OPTIM.MAX_EPOCH",
        "2",
        "DATASET.NUM_SHOTS",
        "1",
        "TRAINER.PROMPTSRC.PREC",
        prec,
        "TRAINER.PROMPTSRC.GPA_MEAN",
        "2",
    ]
    done = run(tmp_path, "--trainer", "PromptSRC", *pairs)
    assert done.returncode == 0, done.stderr
    assert ("computed as fp32 on a CPU" in done.stdout) == (prec == "fp16")
    base = float(done.stdout.splitlines()[-1].split()[4].rstrip("%"))
    assert base > 5 * 100 / 16  # two epochs from the words "a photo of a" stay near zero-shot
