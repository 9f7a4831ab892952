"""Accuracies and confusions, against counts by hand; and which checkpoint is tested."""

import numpy as np
import pytest

from report.predictions import Predictions, checkpoint_file, confusions
from runs.config import default_config

LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
TRAINED = np.array([0, 1, 1, 1, 2, 2, 0, 0, 1, 2])
ZERO_SHOT = np.array([0, 0, 0, 0, 0, 2, 2, 2, 2, 2])
FOUND = Predictions(
    ["a", "b", "c", "d"], [f"{i}.png" for i in range(10)], LABELS, TRAINED, ZERO_SHOT
)


def test_accuracy():
    assert (FOUND.accuracy(TRAINED), FOUND.accuracy(ZERO_SHOT)) == (40.0, 80.0)
    np.testing.assert_allclose(FOUND.by_class(TRAINED), [100 / 3, 50, 40, np.nan])
    np.testing.assert_allclose(FOUND.by_class(ZERO_SHOT), [100, 0, 100, np.nan])
    assert FOUND.totals.tolist() == [3, 2, 5, 0]


def test_confusions_the_most_frequent_first_then_the_larger_share():
    assert [tuple(confusion) for confusion in confusions(FOUND)] == [
        (0, 1, [1, 2]),  # 2 of 3
        (2, 0, [6, 7]),  # 2 of 5
        (1, 2, [4]),  # 1 of 2
        (2, 1, [8]),
    ]


@pytest.mark.parametrize(
    "final, own, expected",
    [
        ("last_step", (".pth.tar-9", ".pth.tar-10"), "run/P/model.pth.tar-10"),
        ("last_step", (), "other/P/model.pth.tar-3"),
        ("best_val", ("-best.pth.tar", ".pth.tar-10"), "run/P/model-best.pth.tar"),
    ],
)
def test_which_checkpoint_is_tested(tmp_path, final, own, expected):
    files = [f"run/P/model{ending}" for ending in (*own, "-unfinished.pth.tar")]
    for file in (*files, "other/P/model.pth.tar-3", "other/P/model-best.pth.tar"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    if own:
        (tmp_path / "run/P/checkpoint").write_text("model.pth.tar-10\n")
    cfg = default_config()
    cfg.TEST.FINAL_MODEL, cfg.MODEL_DIR, cfg.LOAD_EPOCH = final, str(tmp_path / "other"), 3
    assert checkpoint_file(tmp_path / "run", cfg) == tmp_path / expected
    if not own:
        cfg.LOAD_EPOCH = -1
        assert checkpoint_file(tmp_path / "run", cfg) == tmp_path / "other/P/model-best.pth.tar"


def test_of_a_finished_training_without_a_best_epoch_the_last_is_tested(tmp_path):
    model = tmp_path / "other" / "P"
    model.mkdir(parents=True)
    (model / "model.pth.tar-3").touch()
    (model / "checkpoint").write_text("model.pth.tar-3\n")
    cfg = default_config()
    cfg.MODEL_DIR = str(tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="no best checkpoint"):  # it was stopped
        checkpoint_file(tmp_path / "run", cfg)
    (tmp_path / "other" / "log.txt").write_text("Finish training\n")
    assert checkpoint_file(tmp_path / "run", cfg) == model / "model.pth.tar-3"
