"""`python train.py --trainer X` with no dataset named."""

import os
import subprocess
import sys

import pytest
import torch

import train
from runs import embedded, saved_config
from runs.arguments import parse_args, setup_config
from runs.embedded import jobs, settings_file, with_defaults
from runs.folder import claim
from runs.settings import trainers
from tests.conftest import ROOT

pytestmark = pytest.mark.slow  # as a whole

CFG = "vit_t8_c2_ep20_batch4_4+4ctx"
QUICK = ["OPTIM.MAX_EPOCH", "1", "DATASET.NUM_SHOTS", "2"]
TAIL = f"fashion/shots_2/PromptSRC/{CFG}/seed1"


def run(output, *words):
    command = [sys.executable, "train.py", "--output-dir", str(output), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_base_and_new_once_in_their_folders(tmp_path):
    words = ["--trainer", "PromptSRC", *QUICK]
    first = run(tmp_path, *words)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1].startswith("PromptSRC on fashion: base ")
    for part, signal in (("train_base", "Finish training"), ("test_new", "=> result")):
        log = (tmp_path / "base2new" / part / TAIL / "log.txt").read_text()
        assert signal in log and log.count("** Config **") <= 1 and "HM" not in log
    again = run(tmp_path, *words)
    found = [line for line in again.stdout.splitlines() if "has a finished run" in line]
    hint = "to start afresh, delete it or use another --output-dir"
    assert len(found) == 2 and all(hint in line for line in found)
    assert again.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]
    assert len(list(tmp_path.rglob("log.txt*"))) == 2


def test_zero_shot_is_above_two_and_a_half_times_chance_on_both_halves(tmp_path):
    done = run(tmp_path, "--trainer", "ZeroshotCLIP")
    words = done.stdout.splitlines()[-1].split()
    base, new = float(words[4].rstrip("%")), float(words[6].rstrip("%"))
    assert base > 2.5 * 100 / 5 and new > 2.5 * 100 / 5


def test_one_thread_unless_the_environment_says_otherwise(tmp_path, monkeypatch, in_root, capsys):
    threads = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    words = ["--trainer", "ZeroshotCLIP", "--output-dir", str(tmp_path)]
    assert os.environ["OMP_NUM_THREADS"] and train.main(words) == 0 and threads == []
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert train.main([*words, "--output-dir", str(tmp_path / "other")]) == 0 and set(threads) == {
        1
    }


def test_without_a_test_only_the_training_runs(tmp_path, in_root, capsys):
    words = ["--trainer", "PromptSRC", "--output-dir", str(tmp_path), *QUICK]
    assert train.main([*words, "TEST.NO_TEST", "True"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("Elapsed: ")
    assert (tmp_path / "base2new/train_base" / TAIL / "VLPromptLearner/model.pth.tar-1").is_file()
    assert not (tmp_path / "base2new/test_new").exists()


def test_a_trainer_without_settings_names_those_that_have(tmp_path):
    done = run(tmp_path, "--trainer", "CoOpp")
    assert done.returncode == 2
    names = ", ".join(trainers())
    assert done.stderr == f"error: --trainer is 'CoOpp'; without a dataset use {names}\n"


def test_train_alone_says_what_it_needs(tmp_path):
    done = run(tmp_path)
    needs = "name a folder of photos, or --trainer PromptSRC for the bundled dataset"
    assert (done.returncode, done.stderr) == (2, f"error: {needs}\n")


def test_flags_and_pairs_reach_both_runs(in_root):
    flags = ["--trainer", "PromptSRC", "--seed", "0", "--transforms", "normalize", "--backbone"]
    pairs = ["OPTIM.LR", "1", "SEED", "3", "DATASET.NUM_SHOTS", "4", "OPTIM.MAX_EPOCH", "7"]
    base, new = jobs([*flags, "ViT-T/8", *pairs])
    assert new.needs == base and str(base.folder).endswith(f"shots_4/PromptSRC/{CFG}/seed3")
    for job, half in ((base, "base"), (new, "new")):
        cfg = job.config()
        assert cfg.DATASET.NUM_SHOTS == 4 and half == cfg.DATASET.SUBSAMPLE_CLASSES
        assert cfg.OPTIM.LR == 1 and cfg.SEED == 3
        assert (cfg.INPUT.TRANSFORMS, cfg.MODEL.BACKBONE.NAME) == (("normalize",), "ViT-T/8")
        assert str(job.folder) == cfg.OUTPUT_DIR
    assert str(base.folder) == cfg.MODEL_DIR and cfg.LOAD_EPOCH == 7


def test_a_pair_that_the_folder_sets_is_an_invalid_command(tmp_path, in_root, capsys):
    words = ["--trainer", "PromptSRC", "OUTPUT_DIR", str(tmp_path)]
    assert train.main(words) == 2
    error = "error: OUTPUT_DIR is part of the folder's name, not for KEY VALUE pairs; use --output"
    assert capsys.readouterr().err.startswith(error)


def test_a_test_has_no_seed_and_shots_but_those_typed(tmp_path, in_root):
    def config(*words):
        return setup_config(with_defaults(parse_args(["--trainer", "PromptSRC", *words])))

    trained = tmp_path / "a"
    claim(config("--seed", "2", "--output-dir", str(trained), "DATASET.NUM_SHOTS", "4"))
    test = ["--eval-only", "--model-dir", str(trained)]
    saved_config.check_model(config(*test))
    with pytest.raises(ValueError, match=r"SEED \(there: 2, here: 1\)"):
        saved_config.check_model(config(*test, "--seed", "1"))


def test_a_test_without_a_dataset_is_on_that_of_the_run(tmp_path, in_root, capsys):
    """Runs of earlier versions, whose default was another bundled dataset."""
    flags = ["--root", "data", "--dataset-config-file", "configs/datasets/outlines.yaml"]
    words = ["--trainer", "PromptSRC", "--backbone", "ViT-T/8-v2", "--output-dir", str(tmp_path)]
    assert train.main([*words, *flags, *QUICK, "DATASET.SUBSAMPLE_CLASSES", "base"]) == 0
    trained = embedded.with_defaults(parse_args([*words, "--resume", str(tmp_path)]))
    assert trained.dataset_config_file.endswith("outlines.yaml")
    tested = ["--trainer", "PromptSRC", "--eval-only", "--model-dir", str(tmp_path)]
    new = ["DATASET.SUBSAMPLE_CLASSES", "new"]
    capsys.readouterr()  # the training's own test has as many images
    assert train.main([*tested, "--output-dir", str(tmp_path / "new"), *new]) == 0
    out = capsys.readouterr().out
    assert "* total: 240" in out and "Outlines" in out


def test_zero_shot_uses_coops_settings():
    assert settings_file("ZeroshotCLIP2").parent.name == "CoOp"


@pytest.mark.parametrize("prec", ["fp32", "amp", "bf16", "fp16"])
def test_every_precision_trains_and_is_tested(tmp_path, in_root, capsys, prec):
    pairs = ["OPTIM.MAX_EPOCH", "2", "DATASET.NUM_SHOTS", "1", "TRAINER.PROMPTSRC.GPA_MEAN", "2"]
    words = ["--trainer", "PromptSRC", "--output-dir", str(tmp_path), *pairs]
    assert train.main([*words, "TRAINER.PROMPTSRC.PREC", prec]) == 0
    out = capsys.readouterr().out
    assert ("computed as fp32 on a CPU" in out) == (prec == "fp16")
    base = float(out.splitlines()[-1].split()[4].rstrip("%"))
    assert base > 2.5 * 100 / 5  # two epochs from the words "a photo of a" stay near zero-shot


def test_what_is_learned_for_each_class_trains_on_all_classes(tmp_path, in_root):
    [job] = jobs(["--trainer", "TaskRes", "--output-dir", str(tmp_path)])
    assert job.folder == tmp_path / "fashion/TaskRes/vit_t8_ep200_16shots/seed1"
    assert job.config().DATASET.SUBSAMPLE_CLASSES == "all"
    first, last = embedded.summary("TaskRes", "fashion", 44.0).split("\n")
    assert first.endswith("it has no base2new; choose few-shot or domain-generalization")
    assert last == "TaskRes on fashion: all classes 44.0%"
