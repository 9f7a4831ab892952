"""train.py --seeds: each seed is the run that it is alone, and a stop costs nothing."""

import json
import re
import shutil
import signal
from collections import Counter

import pytest
import torch
from dassl.data import data_manager

import train
from promptsrc.checkpoint import read_checkpoint
from runs import pack
from runs.layout import is_zero_shot
from runs.settings import trainers
from tests.datasets.roots import make_images
from trainers.base import PromptTrainer

EMOJI = ["--root", "data", "--dataset-config-file", "configs/datasets/emoji.yaml"]
SHORT = ["DATASET.SUBSAMPLE_CLASSES", "base", "DATASET.NUM_SHOTS", "1", "OPTIM.MAX_EPOCH", "3"]
AVERAGE = ["TRAINER.PROMPTSRC.GPA_MEAN", "2"]


def line(output, *seeds, trainer="PromptSRC", pairs=AVERAGE):
    given = ["--seeds", *map(str, seeds)] if len(seeds) > 1 else ["--seed", str(seeds[0])]
    folder = output if len(seeds) > 1 else output / f"seed{seeds[0]}"
    names = ["--trainer", trainer, "--backbone", "ViT-T/8", "--output-dir", str(folder)]
    return [*EMOJI, *names, *given, *SHORT, *pairs]


def checkpoint(run, epoch=None):
    """Of an epoch, or of the last."""
    [pointer] = run.glob("*/checkpoint")
    name = f"model.pth.tar-{epoch}" if epoch else pointer.read_text().splitlines()[0]
    return read_checkpoint(pointer.with_name(name))


def lines_of_log(run):
    """Without times and folders, what is said of the machine, and whether shots were drawn."""
    text = (run / "log.txt").read_text().partition("Loading trainer")[2]
    text = re.sub(r"time .*?\) data .*?\) | eta .*|Elapsed: .*|Peak memory.*", "", text)
    text = re.sub(r"Creating a \d+-shot dataset\n|Loading preprocessed few-shot .*\n", "", text)
    return text.replace(str(run.parent), "")


def assert_as_alone(together, alone, atol=1e-5):
    ours, theirs = checkpoint(together), checkpoint(alone)
    for name, value in theirs["state_dict"].items():
        torch.testing.assert_close(ours["state_dict"][name], value, atol=atol, rtol=0)
    for name in ("python", "numpy"):
        assert ours["random_state"][name] == theirs["random_state"][name]
    assert torch.equal(ours["random_state"]["torch"], theirs["random_state"]["torch"])
    mine, other = lines_of_log(together), lines_of_log(alone)
    figures = re.compile(r"\d+\.\d+")
    assert figures.sub("", mine) == figures.sub("", other)
    for a, b in zip(figures.findall(mine), figures.findall(other), strict=True):
        assert float(a) == pytest.approx(float(b), abs=2e-4)
    ours, theirs = (json.loads((run / "results.json").read_text()) for run in (together, alone))
    for found, expected in zip(leaves(ours), leaves(theirs), strict=True):
        assert found == pytest.approx(expected, abs=1e-3)
    assert (ours["cost"]["train_seconds"], ours["cost"]["test_peak_gib"]) == (None, None)


def leaves(found):
    """Keys and values of a file of results, but of what it took."""
    if isinstance(found, dict):
        pairs = [(key, value) for key, value in found.items() if key != "cost"]
        return [leaf for key, value in pairs for leaf in (key, *leaves(value))]
    return [leaf for value in found for leaf in leaves(value)] if type(found) is list else [found]


PAIRS = {
    "PromptSRC": AVERAGE,
    "CLIPLoRA": ["OPTIM.MAX_EPOCH", "1", "TRAINER.CLIP_LORA.ITERS_PER_SHOT", "8"],
    "LinearProbe": ["OPTIM.MAX_EPOCH", "1"],
    "TipAdapter": ["OPTIM.MAX_EPOCH", "1"],
}
FEW = ("PromptSRC", "CoOp", "CLIPLoRA")  # of the fast loop
LEARNING = [
    pytest.param(name, marks=[pytest.mark.slow] * (name not in FEW))
    for name in trainers()
    if not is_zero_shot(name)
]


@pytest.mark.parametrize("trainer", LEARNING)
def test_each_run_is_what_it_is_alone(in_root, tmp_path, capsys, trainer):
    pairs = PAIRS.get(trainer, [])
    assert train.main(line(tmp_path / "pack", 1, 2, trainer=trainer, pairs=pairs)) == 0
    out = capsys.readouterr().out
    assert all(f"seed{seed}  => result" in out for seed in (1, 2))
    assert "Peak memory of 2 runs: " in (tmp_path / "pack" / "seed1" / "log.txt").read_text()
    note = "Runs that update weights go through the towers one by one\n"
    assert out.count(note) == (trainer == "CLIPLoRA")
    assert train.main(line(tmp_path / "alone", 2, trainer=trainer, pairs=pairs)) == 0
    assert_as_alone(tmp_path / "pack" / "seed2", tmp_path / "alone" / "seed2")
    together, alone = (names_in(tmp_path / way / "seed2") for way in ("pack", "alone"))
    assert together == alone


RUNS = {
    "a": ["--seed", "1"],
    "b": ["--seed", "2", "TRAINER.PROMPTSRC.TEXT_LOSS_WEIGHT", "5", "OPTIM.LR", "0.01"],
    "c/d": ["--seed", "2", "TRAINER.PROMPTSRC.GPA_STD", "3", "OPTIM.WEIGHT_DECAY", "0.1"],
    "c/e": ["--seed", "3", "TRAINER.PROMPTSRC.CTX_INIT", "a bad picture of", "OPTIM.NAME", "adam"],
}


def test_runs_that_differ_in_seed_and_settings_are_what_they_are_alone(in_root, tmp_path, capsys):
    shared = [*EMOJI, "--trainer", "PromptSRC", "--backbone", "ViT-T/8"]
    pairs = [*SHORT, *AVERAGE]
    runs = {name: ["--output-dir", str(tmp_path / "pack" / name), *w] for name, w in RUNS.items()}
    words = [word for own in runs.values() for word in ("--run", *own)]
    assert train.main([*shared, *pairs, *words]) == 0
    out = capsys.readouterr().out
    assert all(f"\n{name}  => result\n" in out for name in RUNS)
    for name, own in RUNS.items():
        flags, rest = own[:2], own[2:]
        to = ["--output-dir", str(tmp_path / "alone" / name)]
        assert train.main([*shared, *flags, *to, *pairs, *rest]) == 0
        assert_as_alone(tmp_path / "pack" / name, tmp_path / "alone" / name)
    assert not torch.equal(*(weights(tmp_path / "pack" / name) for name in ("b", "c/d")))


def weights(run):
    return torch.cat([value.flatten() for value in checkpoint(run)["state_dict"].values()])


@pytest.mark.slow
def test_runs_of_different_methods_are_what_they_are_alone(in_root, tmp_path):
    shared = [*EMOJI, "--backbone", "ViT-T/8", "--seed", "1"]
    names = {name: ["--trainer", name] for name in ("PromptSRC", "CoOp", "CLIPAdapter", "MMRL")}
    own = {name: [*w, "--output-dir", str(tmp_path / "pack" / name)] for name, w in names.items()}
    words = [word for run in own.values() for word in ("--run", *run)]
    assert train.main([*shared, *SHORT[:-1], "2", *words]) == 0
    for name, flags in names.items():
        to = ["--output-dir", str(tmp_path / "alone" / name)]
        assert train.main([*shared, *flags, *to, *SHORT[:-1], "2"]) == 0
        assert_as_alone(tmp_path / "pack" / name, tmp_path / "alone" / name)


def names_in(run):
    return sorted(re.sub(r"events\..*", "events", file.name) for file in run.rglob("*"))


def assert_equal(together, others):
    for seed in (1, 2, 3):
        ours, theirs = (checkpoint(way / f"seed{seed}") for way in (together, others))
        for key, value in theirs["state_dict"].items():
            assert torch.equal(ours["state_dict"][key], value)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a pack that was not interrupted."""
    output = tmp_path_factory.mktemp("whole")
    assert train.main(line(output, 1, 2, 3)) == 0
    return output


def cut(run, epoch):
    """Take away what a run has saved after an epoch."""
    for file in (run / "VLPromptLearner").glob("model.pth.tar-*"):
        if int(file.name.rpartition("-")[2]) > epoch:
            file.unlink()
    (run / "VLPromptLearner" / "checkpoint").write_text(f"model.pth.tar-{epoch}\n")


def test_a_pack_killed_between_two_saves_resumes_bit_for_bit(in_root, tmp_path, whole, capsys):
    shutil.copytree(whole, output := tmp_path / "pack")
    cut(output / "seed2", 2)
    assert train.main(line(output, 1, 2, 3)) == 0
    assert "seed1  Found checkpoint" in (out := capsys.readouterr().out)
    assert len(re.findall(r"seed\d  epoch \[3/3\] batch \[4/4\]", out)) == 3
    assert_equal(output, whole)


def test_runs_that_are_epochs_apart_resume_where_each_is(in_root, tmp_path, whole, capsys):
    shutil.copytree(whole, output := tmp_path / "pack")
    shutil.rmtree(output / "seed2")
    assert train.main(line(output, 1, 2, 3)) == 0
    out = capsys.readouterr().out
    assert len(re.findall(r"seed2  epoch \[./3\] batch \[4/4\]", out)) == 3
    assert not re.search("seed[13]  epoch", out)


@pytest.mark.parametrize("at", ["training", "test"])
def test_a_stopped_pack_resumes_bit_for_bit(in_root, tmp_path, whole, capsys, monkeypatch, at):
    """A signal, while a run has the turn: each saves the same step."""
    step, test = PromptTrainer.step, PromptTrainer.model_inference

    def signalled(self, *args):
        if self.cfg.SEED == 2 and (at == "test" or (self.epoch, self.batch_idx) == (1, 2)):
            signal.raise_signal(signal.SIGTERM)
        return (test if at == "test" else step)(self, *args)

    monkeypatch.setattr(PromptTrainer, "model_inference" if at == "test" else "step", signalled)
    assert train.main(line(tmp_path, 1, 2, 3)) == 75
    err = capsys.readouterr().err
    assert err.count("stopped; rerun the same command to resume (SIGTERM") == 3
    if at == "training":
        assert err.count("SIGTERM in epoch 2 after batch 3 of 4; its state is saved)") == 3
    monkeypatch.undo()
    monkeypatch.chdir(in_root)
    assert train.main(line(tmp_path, 1, 2, 3)) == 0
    assert_equal(tmp_path, whole)


def test_a_run_that_fails_leaves_the_pack_with_its_line(in_root, tmp_path, capsys, monkeypatch):
    losses = PromptTrainer.losses

    def broken(self, *args):
        found = losses(self, *args)
        if self.cfg.SEED == 2 and self.epoch == 1:
            found["loss_ce"] = found["loss_ce"] * float("nan")
        return found

    monkeypatch.setattr(PromptTrainer, "losses", broken)
    assert train.main(line(tmp_path / "pack", 1, 2, 3)) == 1
    [failure] = capsys.readouterr().err.strip().splitlines()
    assert failure.startswith("seed2  error: loss is nan in epoch 2, batch 1")
    assert checkpoint(tmp_path / "pack" / "seed2", 1)
    monkeypatch.undo()
    monkeypatch.chdir(in_root)
    assert train.main(line(tmp_path / "alone", 3)) == 0
    assert_as_alone(tmp_path / "pack" / "seed3", tmp_path / "alone" / "seed3")


def test_each_test_image_is_read_once(in_root, tmp_path, monkeypatch):
    read, seen = data_manager.read_image, Counter()

    def counted(path, *args):
        seen[path] += 1
        return read(path, *args)

    monkeypatch.setattr(data_manager, "read_image", counted)
    pairs = [*AVERAGE, "DATALOADER.CACHE_MB", "0", "OPTIM.MAX_EPOCH", "2"]
    assert train.main(line(tmp_path, 1, 2, 3, pairs=pairs)) == 0
    tested = 176 + 165  # of the base classes, and of the new ones for results.json
    assert sorted(seen.values())[:tested] == [1] * tested
    assert sum(seen.values()) == tested + 3 * 2 * 16


@pytest.mark.parametrize(
    "words, message",
    [
        (["--seeds", "1"], "--seeds takes two or more different seeds, and replaces --seed"),
        (["--seeds", "1", "1"], "--seeds takes two or more different seeds"),
        (["--seeds", "1", "2", "--seed", "3"], "--seeds takes two or more different seeds"),
        (["--seeds", "x"], "--seeds takes two or more different seeds"),
        (["--run", "--seed", "1"], "--run stands before the words of each of two or more runs"),
        (["--seeds", "1", "2", "--run", "--run"], "of each of two or more runs, without --seeds"),
        (["--run", "--run", "--seeds", "1", "2"], "of each of two or more runs, without --seeds"),
        (["--run=--seed", "1"], "--seeds and --run are words of their own"),
        (["--seeds=1", "2"], "--seeds and --run are words of their own"),
    ],
)
def test_other_seeds_are_refused(words, message, capsys):
    with pytest.raises(SystemExit) as end:
        train.main(["--trainer", "PromptSRC", *words])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("key, flag", pack.OWN.items())
def test_a_pair_that_would_put_all_runs_in_one_folder_is_refused(key, flag, capsys):
    words = ["--trainer", "CoOp", "--seeds", "1", "2", key, "1"]
    assert train.main(words) == 2
    assert f"{key} differs between the runs of --seeds; use {flag}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "runs, message",
    [
        (
            [[], []],
            "runs have folders ./output, ./output; give each --run an --output-dir of its own",
        ),
        ([["--output-dir", "a"], ["--output-dir", "./a"]], "runs have folders a, ./a; give each"),
        ([["--output-dir", "a", "--deterministic"], []], "DETERMINISTIC differs between runs that"),
        ([["OPTIM.LRR", "1"], []], "OPTIM.LRR (command line) is not a config key; did you mean"),
    ],
)
def test_runs_that_do_not_go_together_are_one_line(runs, message, in_root, capsys):
    words = [word for run in runs for word in ("--run", *run)]
    assert train.main(["--trainer", "CoOp", "--backbone", "ViT-T/8", *words]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line


def test_shared_words_stand_before_those_of_a_run():
    shared = ["photos", "--trainer", "CoOp", "OPTIM.LR", "1"]
    own = ["--seed", "3", "OPTIM.LR", "2"]
    line = ["photos", "--trainer", "CoOp", "--seed", "3", "OPTIM.LR", "1", "OPTIM.LR", "2"]
    assert pack._joined(shared, own) == line
    assert pack.names_of(["x/a", "x/b/c", "x/b/d"]) == ["a", "b/c", "b/d"]


def test_the_seeds_may_stand_before_pairs_and_photos(in_root, tmp_path):
    for name in ("a", "b"):
        make_images(tmp_path / "photos" / name, "1.png", "2.png", "3.png")
    lines = pack.lines_of([str(tmp_path / "photos"), "--seeds", "4", "7", "TRAIN.PRINT_FREQ", "2"])
    flags = ["--seed", "7", "--output-dir", "output/photos/seed7"]
    assert lines["seed7"][-6:] == [*flags, "TRAIN.PRINT_FREQ", "2"]
    assert lines.keys() == {"seed4", "seed7"}
    words = [*EMOJI, "--trainer", "CoOp", "--backbone", "ViT-T/8", "--seeds", "1", "2"]
    lines = pack.lines_of([*words, "--eval-only", "--model-dir", "a", "--output-dir", "b"])
    assert lines["seed2"][-6:] == [
        "--seed",
        "2",
        "--model-dir",
        "a/seed2",
        "--output-dir",
        "b/seed2",
    ]
    lines = pack.lines_of(["--trainer", "CoOp", "--seeds", "1", "2"])
    assert lines["seed1"] == ["--trainer", "CoOp", "--seed", "1"]


def test_a_compiled_pack_is_refused(in_root, tmp_path, capsys):
    assert train.main(line(tmp_path, 1, 2, pairs=["MODEL.COMPILE", "True"])) == 1
    refusal = "error: MODEL.COMPILE is True, but a pack is not compiled; leave it out"
    assert capsys.readouterr().err == f"seed1  {refusal}\nseed2  {refusal}\n"
