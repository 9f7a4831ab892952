"""The commands of docs/SWEEP.md with keys that are often asked for, on the embedded dataset."""

import re

import pytest

import train
from runs.results import TESTED, parse_run


@pytest.fixture(scope="module")
def careful(tmp_path_factory):
    output = tmp_path_factory.mktemp("careful")
    words = f"--trainer IVLP --output-dir {output} OPTIM.MAX_EPOCH 4 TRAIN.LABEL_SMOOTHING 0.5"
    words += " TEST.FINAL_MODEL best_val TRAIN.PATIENCE 1"
    assert train.main(words.split()) == 0
    return {run.parts[-6]: run for run in output.rglob("seed1")}


def test_patience_and_the_best_epoch(careful):
    log = (careful["train_base"] / "log.txt").read_text()
    accuracies = [float(a) for a in re.findall(r"\* accuracy: ([\d.]+)%", log)]
    *of_val, _ = accuracies
    best = of_val.index(max(of_val)) + 1
    assert len(of_val) == min(best + 1, 4)  # one epoch of patience
    assert ("Stop after epoch" in log) == (len(of_val) < 4)
    tested = (careful["test_new"] / "log.txt").read_text()
    assert f'model-best.pth.tar" (epoch = {best})' in tested


def test_smoothed_labels_raise_the_loss(careful):
    log = (careful["train_base"] / "log.txt").read_text()
    first = float(re.search(r"epoch \[1/4\].*loss_ce [\d.]+ \(([\d.]+)\)", log)[1])
    assert first > 2.5  # half of each target is even over the classes; without smoothing 1.6


def test_corrupted_images_lower_the_accuracy(careful, tmp_path):
    words = (
        f"--trainer IVLP --eval-only --model-dir {careful['train_base']} --output-dir {tmp_path}"
    )
    pairs = "DATASET.SUBSAMPLE_CLASSES base TEST.CORRUPTION gaussian_noise TEST.SEVERITY 5"
    assert train.main(f"{words} {pairs}".split()) == 0
    _, noisy = parse_run(tmp_path, TESTED)
    _, clean = parse_run(careful["train_base"], TESTED)
    assert noisy < clean - 5
    assert "+ gaussian_noise, severity 5" in (tmp_path / "log.txt").read_text()
