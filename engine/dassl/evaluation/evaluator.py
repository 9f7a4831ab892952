"""Metrics that a test prints and returns."""

import os.path as osp
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import confusion_matrix, f1_score
from torch import Tensor
from yacs.config import CfgNode

from dassl.elsewhere import names_of
from dassl.evaluation.build import EVALUATOR_REGISTRY
from dassl.utils.logger import printable
from dassl.utils.tools import replacing, write_json

__getattr__ = names_of(__name__)

MOST_NAMES = 10  # in a line


class EvaluatorBase:
    """Call `reset`, then `process` for each batch, then `evaluate`."""

    def __init__(self, cfg: CfgNode):
        self.cfg = cfg

    def reset(self) -> None:
        raise NotImplementedError

    def process(self, mo: Tensor, gt: Tensor) -> None:
        raise NotImplementedError

    def evaluate(self) -> dict[str, float]:
        raise NotImplementedError


@EVALUATOR_REGISTRY.register()
class Classification(EvaluatorBase):
    """Accuracy, error rate and macro F1, all in percent."""

    def __init__(self, cfg: CfgNode, lab2cname: dict[int, str] | None = None, **kwargs: Any):
        super().__init__(cfg)
        self._lab2cname = lab2cname or {}
        self.reset()

    def reset(self) -> None:
        self._correct = self._total = 0
        self._per_class_res: dict[int, list[int]] = defaultdict(list)  # 1: correct, by class
        self._y_true: list[int] = []
        self._y_pred: list[int] = []

    def process(self, mo: Tensor, gt: Tensor) -> None:
        """Add a batch of logits (B, C) and labels (B,)."""
        predicted, true = mo.argmax(1).tolist(), gt.tolist()
        self._y_pred += predicted
        self._y_true += true
        for label, answer in zip(true, predicted, strict=True):
            self._per_class_res[label].append(int(label == answer))
            self._correct += int(label == answer)
        self._total += len(true)

    def evaluate(self) -> dict[str, float]:
        """Metrics by name, `accuracy` first."""
        true, predicted = np.array(self._y_true), np.array(self._y_pred)
        total, correct = self._total, self._correct
        accuracy = 100.0 * correct / total
        macro_f1 = 100.0 * f1_score(true, predicted, average="macro", labels=np.unique(true))
        print(f"=> result\n* total: {total:,}\n* correct: {correct:,}\n* accuracy: {accuracy:.1f}%")
        print(f"* error: {100 - accuracy:.1f}%\n* macro_f1: {macro_f1:.1f}%")
        self._print_absent(true)
        results = {"accuracy": accuracy, "error_rate": 100.0 - accuracy, "macro_f1": macro_f1}
        if self.cfg.TEST.PER_CLASS_RESULT:
            results["perclass_accuracy"] = self._by_class()
        if self.cfg.TEST.COMPUTE_CMAT:
            self._save_confusions(true, predicted)
        return results

    def _print_absent(self, true: np.ndarray) -> None:
        absent = sorted(self._lab2cname.keys() - set(true.tolist()))
        if absent:
            names = [self._printed(label) for label in absent[:MOST_NAMES]]
            named = ", ".join(names + ["..."] * (len(absent) > MOST_NAMES))
            print(f"* no image of {len(absent)} of the {len(self._lab2cname)} classes: {named}")

    def _printed(self, label: int) -> str:
        return printable(str(self._lab2cname.get(label, label)))

    def _save_confusions(self, true: np.ndarray, predicted: np.ndarray) -> None:
        """Write `cmat.pt`, a tensor (C, C), and beside it `cmat.json`, the names of its rows.

        Row i has the shares of class i's images by predicted class; zeros if it has no image.
        """
        labels = range(max([*true, *predicted, *self._lab2cname]) + 1)
        shares = confusion_matrix(true, predicted, labels=labels, normalize="true")
        path = osp.join(self.cfg.OUTPUT_DIR, "cmat.pt")
        with replacing(path) as part:
            torch.save(torch.from_numpy(shares), part)
        names = [str(self._lab2cname.get(label, label)) for label in labels]
        write_json(names, str(Path(path).with_suffix(".json")))
        print(f"Confusion matrix is saved to {path}")

    def _by_class(self) -> float:
        print("=> per-class result")
        accuracies = []
        for label, right in sorted(self._per_class_res.items()):
            accuracies.append(100.0 * np.mean(right))
            print(
                f"* class: {label} ({self._printed(label)})\ttotal: {len(right):,}\t"
                f"correct: {sum(right):,}\tacc: {accuracies[-1]:.1f}%"
            )
        print(f"* average: {np.mean(accuracies):.1f}%")
        return float(np.mean(accuracies))
