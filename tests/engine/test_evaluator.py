"""Metrics, and the lines that parsers read."""

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
