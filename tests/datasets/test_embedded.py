"""The commands of docs/EMBEDDED.md on the embedded datasets, with one epoch."""

import pytest

import train
from runs.protocols import Method, plan
from runs.results import TRAINED, parse_run
from tests.conftest import ROOT

DATASETS = {"outlines": (10, 240), "fashion": (5, 750), "digits": (5, 700)}  # base classes, tests


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_training_on_the_base_classes(dataset, tmp_path, capsys):
    words = f"--trainer IVLP --root {ROOT / 'data'} --output-dir {tmp_path} --seed 1"
    words += f" --dataset-config-file {ROOT / 'configs/datasets' / dataset}.yaml"
    words += f" --config-file {ROOT}/configs/trainers/IVLP/vit_t8_c2_ep20_batch4_4+4ctx.yaml"
    pairs = "OPTIM.MAX_EPOCH 1 DATASET.NUM_SHOTS 16 DATASET.SUBSAMPLE_CLASSES base"
    assert train.main([*words.split(), *pairs.split()]) == 0
    classes, tests = DATASETS[dataset]
    out = capsys.readouterr().out
    assert f"* total: {tests}" in out and f"# train_x  {16 * classes}" in out
    assert parse_run(tmp_path, TRAINED) is not None


def test_a_sweep_over_them(in_root):
    jobs = plan("base2new", Method("IVLP", "data"), [*DATASETS], [1])
    assert [job.config().DATASET.NAME for job in jobs[::2]] == ["Outlines", "Fashion", "Digits"]
