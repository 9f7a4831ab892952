"""Metrics, and the lines that parsers read."""

import json

import pytest
import torch
from dassl.config import get_cfg_default
from dassl.evaluation import build_evaluator
from sklearn.metrics import f1_score


def test_the_evaluator_prints_and_returns_percents(capsys, tmp_path):
    cfg = get_cfg_default()
    cfg.TEST.PER_CLASS_RESULT, cfg.TEST.COMPUTE_CMAT, cfg.OUTPUT_DIR = True, True, str(tmp_path)
    evaluator = build_evaluator(cfg, lab2cname={0: "cat", 1: "dog", 2: "cow"})
    logits, labels = torch.eye(3)[[0, 0, 1, 2, 1]], torch.tensor([0, 0, 0, 1, 1])
    evaluator.process(logits[:2], labels[:2])
    evaluator.process(logits[2:], labels[2:])
    results = evaluator.evaluate()
    assert list(results) == ["accuracy", "error_rate", "macro_f1", "perclass_accuracy"]
    assert results["accuracy"] == pytest.approx(60.0)
    expected = 100 * f1_score([0, 0, 0, 1, 1], [0, 0, 1, 2, 1], average="macro", labels=[0, 1])
    assert results["macro_f1"] == pytest.approx(expected)
    assert results["perclass_accuracy"] == pytest.approx((200 / 3 + 50) / 2)
    out = capsys.readouterr().out
    assert "=> result\n* total: 5\n* correct: 3\n* accuracy: 60.0%\n* error: 40.0%\n" in out
    assert "* class: 0 (cat)\ttotal: 3\tcorrect: 2\tacc: 66.7%\n" in out
    assert "* macro_f1: " in out and "* average: 58.3%" in out
    assert (tmp_path / "cmat.pt").is_file()


def test_a_class_name_cannot_pass_for_a_result(capsys):
    cfg = get_cfg_default()
    cfg.TEST.PER_CLASS_RESULT = True
    evaluator = build_evaluator(cfg, lab2cname={0: "cat\n=> result\n* accuracy: 99.0%\r\x1b[2K"})
    evaluator.process(torch.eye(1), torch.tensor([0]))
    evaluator.evaluate()
    line = r"* class: 0 (cat\n=> result\n* accuracy: 99.0%\r\x1b[2K)" + "\ttotal: 1\t"
    assert f"=> per-class result\n{line}" in capsys.readouterr().out


def evaluated(tmp_path, true, predicted, names=("ape", "bat", "cat", "dog", "emu", "fox")):
    cfg = get_cfg_default()
    cfg.TEST.PER_CLASS_RESULT, cfg.TEST.COMPUTE_CMAT, cfg.OUTPUT_DIR = True, True, str(tmp_path)
    evaluator = build_evaluator(cfg, lab2cname=dict(enumerate(names)))
    evaluator.process(torch.eye(len(names))[predicted], torch.tensor(true))
    return evaluator.evaluate()


def test_the_confusion_matrix_has_all_classes_in_label_order(tmp_path):
    evaluated(tmp_path, [0, 0, 2, 2, 2, 5], [0, 4, 2, 5, 5, 5])  # 1, 3 and 4 have no images
    matrix = torch.load(tmp_path / "cmat.pt", weights_only=True)
    assert matrix.shape == (6, 6) and not matrix[[1, 3, 4]].any()
    assert matrix[0].tolist() == [0.5, 0, 0, 0, 0.5, 0] and matrix[5, 5] == 1
    assert matrix[2].tolist() == pytest.approx([0, 0, 1 / 3, 0, 0, 2 / 3])
    names = json.loads((tmp_path / "cmat.json").read_text())
    assert names == ["ape", "bat", "cat", "dog", "emu", "fox"]


def test_the_last_class_counts_if_nothing_names_it(tmp_path):
    evaluated(tmp_path, [0, 0], [0, 0], names=("ape", "bat"))
    assert torch.load(tmp_path / "cmat.pt", weights_only=True).tolist() == [[1, 0], [0, 0]]
    cfg = get_cfg_default()
    cfg.TEST.COMPUTE_CMAT, cfg.OUTPUT_DIR = True, str(tmp_path)
    evaluator = build_evaluator(cfg)  # a plug-in's, without names
    evaluator.process(torch.eye(3), torch.tensor([0, 1, 1]))
    evaluator.evaluate()
    assert torch.load(tmp_path / "cmat.pt", weights_only=True).shape == (3, 3)
    assert json.loads((tmp_path / "cmat.json").read_text()) == ["0", "1", "2"]


def test_classes_without_images_are_named(tmp_path, capsys):
    results = evaluated(tmp_path, [0, 2, 2], [0, 2, 1])
    out = capsys.readouterr().out
    assert "* no image of 4 of the 6 classes: bat, dog, emu, fox\n" in out
    assert out.count("* class: ") == 2 and results["perclass_accuracy"] == pytest.approx(75)
    evaluated(tmp_path, [0, 1], [0, 1], names=("ape", "bat"))
    assert "no image of" not in capsys.readouterr().out
    evaluated(tmp_path, [0], [0], names=[f"c{i}" for i in range(12)])
    assert "of 11 of the 12 classes: c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, ...\n" in (
        capsys.readouterr().out
    )
