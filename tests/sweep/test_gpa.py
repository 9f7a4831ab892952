"""Averages of kept epochs: bit for bit those of trainings with their Gaussians."""

import csv
import re
import shutil
from collections import Counter
from itertools import product
from pathlib import Path

import pytest
import torch
from dassl.data import data_manager

import predict
import train
from promptsrc.checkpoint import read_checkpoint
from promptsrc.inference.prompt_file import read_prompts
from runs.averages import Averages, Gaussian
from runs.config import config_of_run
from runs.results import TESTED, TRAINED, parse_run
from sweep.gpa import common_folder, main
from tests.report.made import Page

EMOJI = ["--root", "data", "--dataset-config-file", "configs/datasets/emoji.yaml"]
KEPT = ("TRAIN.KEEP_EPOCHS", "True")
GAUSSIANS = list(product((1, 2.5), (0.5, 4)))


def words(output, trainer, classes, *flags):
    names = ["--trainer", trainer, "--backbone", "ViT-T/8", "--output-dir", str(output)]
    pairs = ["DATASET.NUM_SHOTS", "1", "OPTIM.MAX_EPOCH", "3", "DATASET.SUBSAMPLE_CLASSES", classes]
    return [*EMOJI, *names, *flags, *pairs]


def run(output, trainer="PromptSRC", mean=2, std=1, classes="base", pairs=KEPT):
    """The folder of a regulated training."""
    node = "TRAINER.PROMPTSRC" if "PromptSRC" in trainer else "REGULATION"
    regulated = ["REGULATION.ENABLED", "True"] * (node == "REGULATION")
    gaussian = [f"{node}.GPA_MEAN", str(mean), f"{node}.GPA_STD", str(std)]
    line = words(output, trainer, classes, "--seed", "1")
    assert train.main([*line, *regulated, *gaussian, *pairs]) == 0
    return output


def accuracy_on_new(model, trainer):
    output = model.with_name(f"{model.name}_new")
    flags = ["--eval-only", "--model-dir", str(model), "--load-epoch", "3"]
    assert train.main(words(output, trainer, "new", *flags)) == 0
    return parse_run(output, TESTED)[1]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run on base classes that has kept its three epochs."""
    return run(tmp_path_factory.mktemp("runs") / "kept")


def state_of(folder, epoch=3):
    [path] = folder.glob(f"*/model.pth.tar-{epoch}")
    return read_checkpoint(path)


OTHERS = [
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("CoCoOp", "MMRL", "ExtrasLinearProbeMaPLe")
]


@pytest.mark.parametrize("trainer", ["PromptSRC", *OTHERS])
def test_an_average_is_that_of_a_training_bit_for_bit(in_root, tmp_path, trainer):
    averages = Averages(run(tmp_path / "kept", trainer))
    found = averages.accuracies([Gaussian(*each) for each in GAUSSIANS])
    assert averages.own == (2, 1)
    for i, (mean, std) in list(enumerate(GAUSSIANS))[::3]:
        trained = run(tmp_path / f"trained{i}", trainer, mean, std, pairs=())
        expected, tensors = state_of(trained)["state_dict"], averages.prompts(Gaussian(mean, std))
        assert tensors.tensors.keys() == expected.keys()
        assert all(torch.equal(tensors.tensors[key], value) for key, value in expected.items())
        assert f"{found['base'][i]:.1f}" == f"{parse_run(trained, TRAINED)[1]:.1f}"
        assert f"{found['new'][i]:.1f}" == f"{accuracy_on_new(trained, trainer):.1f}"


def test_epochs_are_kept_as_they_were_before_the_average(in_root, tmp_path):
    """Resumed and in a pack, too; the last checkpoint holds the average alone."""
    pairs = [*KEPT, "TRAIN.CHECKPOINT_FREQ", "1"]
    kept = run(tmp_path / "kept", pairs=pairs)
    for epoch in (1, 2):
        tensors = read_prompts(kept / "epochs" / f"prompts-{epoch}.safetensors").tensors
        saved = state_of(kept, epoch)["state_dict"]
        assert all(torch.equal(tensors[key], value) for key, value in saved.items())
    content = [(kept / "epochs" / f"prompts-{e}.safetensors").read_bytes() for e in (1, 2, 3)]
    for path in [kept / "epochs" / "prompts-3.safetensors", *kept.glob("*/model.pth.tar-3")]:
        path.unlink()
    (kept / "log.txt").unlink()
    run(kept, pairs=pairs)
    assert [
        (kept / "epochs" / f"prompts-{e}.safetensors").read_bytes() for e in (1, 2, 3)
    ] == content


def test_a_table_a_page_and_a_line_about_the_test(kept, in_root, tmp_path, capsys):
    shutil.copytree(kept, other := tmp_path / "other")
    given = [str(kept), str(other), "--mean", "1", "2.5", "--std", "0.5", "4", "4"]
    assert main([*given, "--to", str(tmp_path / "to")]) == 0
    out = capsys.readouterr().out
    rows = re.findall(r"^([\d.]+, [\d.]+) +([\d.]+) ± 0.00 +([\d.]+) ± 0.00 +([\d.]+)$", out, re.M)
    assert [row[0] for row in rows] == ["1, 0.5", "1, 4", "2.5, 0.5", "2.5, 4"]
    for _, *values in rows:
        base, new, hm = map(float, values)
        assert hm == pytest.approx(2 / (1 / base + 1 / new), abs=0.01)
    assert "Trained with GPA_MEAN, GPA_STD 2, 1\n" in out
    assert "These are accuracies on the test images. A choice among them belongs on val" in out
    page = Page((tmp_path / "to" / "gpa.html").read_text())
    assert any("A choice among them belongs on validation images" in text for text in page.text)
    assert page.tags.count("rect") == 12 and page.references == []
    lines = list(csv.DictReader((tmp_path / "to" / "gpa.csv").read_text().splitlines()))
    assert len(lines) == 12 and lines[0]["column"] == "Base"


def test_validation_images_of_all_classes(in_root, tmp_path, capsys):
    folder = run(tmp_path / "run", classes="all")
    assert main([str(folder), "--mean", "2", "--std", "1", "--split", "val"]) == 0
    out = capsys.readouterr().out
    assert "These are accuracies on the validation images" in out
    flags = ["--eval-only", "--model-dir", str(folder), "--load-epoch", "3", "--seed", "1"]
    line = words(tmp_path / "val", "PromptSRC", "all", *flags)  # the seed draws these images
    assert train.main([*line, "TEST.SPLIT", "val"]) == 0
    expected = parse_run(tmp_path / "val", TESTED)[1]
    [value] = re.findall(r"^2, 1 +([\d.]+)$", out, re.M)
    assert f"{float(value):.1f}" == f"{expected:.1f}"


def test_each_image_is_read_once_for_all_averages(kept, in_root, monkeypatch):
    read, seen = data_manager.read_image, Counter()

    def counted(path, *args):
        seen[path] += 1
        return read(path, *args)

    monkeypatch.setattr(data_manager, "read_image", counted)
    assert main([str(kept), "--mean", "1", "2", "3", "--std", "1", "2"]) == 0
    assert set(seen.values()) == {1} and len(seen) == 176 + 165


def test_a_saved_average_is_the_folder_of_a_run(kept, in_root, tmp_path, capsys):
    to, trained = tmp_path / "saved", run(tmp_path / "trained", mean=1, std=4)
    given = [str(kept), "--mean", "1", "--std", "4", "--to", str(tmp_path), "--save", str(to)]
    given += ["--split", "val"]  # of the choice, not of the run
    assert main(given) == 0
    assert config_of_run(to).TEST == config_of_run(trained).TEST
    saved, expected = state_of(to), state_of(trained)
    for key, value in expected["state_dict"].items():
        assert torch.equal(saved["state_dict"][key], value)
    mine, theirs = (state["trainer_state"]["regulation"] for state in (saved, expected))
    assert (mine["weights"], mine["epochs_seen"]) == (theirs["weights"], theirs["epochs_seen"])
    assert accuracy_on_new(to, "PromptSRC") == accuracy_on_new(trained, "PromptSRC")
    capsys.readouterr()
    image = "data/emoji/images/bird"
    assert predict.main(["--model-dir", str(to), image]) == 0
    ours = capsys.readouterr().out
    assert predict.main(["--model-dir", str(trained), image]) == 0
    timed = re.compile(r" in [\d.]+ s")
    assert timed.sub("", ours) == timed.sub("", capsys.readouterr().out)
    (tmp_path / "gpa.csv").unlink()
    assert main(given) == 1 and not (tmp_path / "gpa.csv").exists()  # before any test
    assert f"{to} exists; name a folder that does not" in capsys.readouterr().err


def test_relative_and_absolute_runs_have_a_common_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert common_folder([Path("a/b"), tmp_path / "a" / "c"]) == tmp_path / "a"


def refused(capsys, code, *given):
    try:
        assert main([*map(str, given)]) == code
    except SystemExit as end:
        assert end.code == code
    [line] = capsys.readouterr().err.splitlines()
    return line


def test_a_mistake_is_one_line(kept, in_root, tmp_path, capsys):
    one = ["--mean", "1", "--std", "1"]
    assert "no config file" in refused(capsys, 1, tmp_path, *one)
    for mean, std, said in [(1, 0, "GPA_STD is 0.0; it must be above 0"), ("nan", 1, "is nan")]:
        assert said in refused(capsys, 2, kept, "--mean", mean, "--std", std)
    assert "--save takes one" in refused(capsys, 2, kept, *one, 2, "--save", tmp_path / "x")
    said = "config.yaml, a file; it takes a folder"
    assert said in refused(capsys, 2, kept, *one, "--to", kept / "config.yaml")

    shutil.copytree(kept, gap := tmp_path / "gap")
    (gap / "epochs" / "prompts-2.safetensors").unlink()
    said = f"{gap} has kept the prompts of 2 of 3 epochs; train it with TRAIN.KEEP_EPOCHS True"
    assert said in refused(capsys, 1, gap, *one)

    config = (gap / "config.yaml").read_text()
    (gap / "config.yaml").write_text(config.replace("last_step", "best_val"))
    said = f"{gap} is tested with its best epoch (TEST.FINAL_MODEL best_val), not with an average"
    assert said in refused(capsys, 1, gap, *one)

    shutil.copytree(kept, mixed := tmp_path / "mixed")
    shutil.copy(
        mixed / "epochs" / "prompts-1.safetensors", mixed / "epochs" / "prompts-2.safetensors"
    )
    assert "are not those of its last checkpoint" in refused(capsys, 1, mixed, *one)


def test_a_run_without_regulation_or_of_other_classes_is_refused(kept, in_root, tmp_path, capsys):
    line = words(tmp_path / "plain", "CoCoOp", "all", "--seed", "1")
    assert train.main([*line, "TRAIN.KEEP_EPOCHS", "True"]) == 0
    capsys.readouterr()
    one = ["--mean", "1", "--std", "1"]
    said = "was trained without self-regulation, so its prompts are not averaged; append"
    assert said in refused(capsys, 1, tmp_path / "plain", *one)
    other = run(tmp_path / "all", classes="all")
    capsys.readouterr()
    assert "different classes or splits" in refused(capsys, 1, kept, other, *one)
