"""How good a classifier is: accuracy, calibration, classes apart, and base classes beside new ones.

Of each image a record is enough, so logits need not be kept. In float64, with p = softmax(logits):

c = max_k p_k                                   confidence;  a: 1 where that class is right, else 0
ECE = sum_m |B_m| / N |mean a - mean c|         B_m: bins of c, 15 equally wide (a bin's upper end
                                                belongs to it; arXiv 1706.04599), or, adaptive, of
                                                equally many images (arXiv 1904.01685)
Brier = mean_i sum_k (p_ik - [k = y_i])^2       NLL = -mean_i log p_iy
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

BINS = 15


class Records(NamedTuple):
    """Of N images, all (N,): int64 labels and predictions, the others float64; on the CPU."""

    labels: Tensor
    predicted: Tensor
    confidence: Tensor
    nll: Tensor
    brier: Tensor

    @classmethod
    def of(cls, logits: Tensor, labels: Tensor) -> "Records":
        """From logits (N, C) and labels (N,)."""
        log_p = logits.double().log_softmax(1)
        p, rows = log_p.exp(), torch.arange(len(labels), device=labels.device)
        brier = p.square().sum(1) - 2 * p[rows, labels] + 1
        found = labels, logits.argmax(1), p.amax(1), -log_p[rows, labels], brier
        return cls(*(values.cpu() for values in found))

    @classmethod
    def joined(cls, records: Iterable["Records"]) -> "Records":
        return cls(*map(torch.cat, zip(*records, strict=True)))

    @property
    def right(self) -> Tensor:
        """(N,), True where the prediction is the label."""
        return self.predicted == self.labels


def summary(records: Records, names: Sequence[str]) -> dict[str, Any]:
    """All scores of images classified among these classes, as docs/RESULTS.md lists them.

    Accuracy, balanced accuracy, macro F1 and both ECE are in percent.
    """
    return {
        "images": len(records.labels),
        "classes": len(names),
        "accuracy": accuracy(records),
        "balanced_accuracy": balanced_accuracy(records),
        "macro_f1": macro_f1(records),
        "ece": ece(records),
        "adaptive_ece": adaptive_ece(records),
        "brier": records.brier.mean().item(),
        "nll": records.nll.mean().item(),
        "reliability": reliability(records),
        "per_class": per_class(records, names),
    }


def accuracy(records: Records) -> float:
    """Percent."""
    return 100 * records.right.double().mean().item()


def balanced_accuracy(records: Records) -> float:
    """The mean over the classes with images of each one's accuracy, percent."""
    images, right, _ = _counts(records)
    there = images > 0
    return 100 * (right[there] / images[there]).mean().item()


def macro_f1(records: Records) -> float:
    """The mean over the classes with images of each one's F1, percent."""
    images, right, predicted = _counts(records)
    there = images > 0
    return 100 * (2 * right[there] / (images + predicted)[there]).mean().item()


def _counts(records: Records) -> tuple[Tensor, Tensor, Tensor]:
    """Of each class (C,): its images, those that are right, those that are taken for it."""
    classes = int(torch.cat([records.labels, records.predicted]).max()) + 1
    groups = records.labels, records.labels[records.right], records.predicted
    images, right, predicted = (torch.bincount(group, minlength=classes) for group in groups)
    return images.double(), right.double(), predicted.double()


def ece(records: Records) -> float:
    """Expected calibration error over bins of equal width, percent."""
    return _error(records, list(_equal_width(records)))


def adaptive_ece(records: Records) -> float:
    """Expected calibration error over bins of equally many images (up to one), percent."""
    order = records.confidence.argsort(stable=True)
    return _error(records, order.tensor_split(BINS))


def _error(records: Records, bins: Sequence[Tensor]) -> float:
    over = records.right.double() - records.confidence
    return 100 * sum(abs(over[rows].sum().item()) for rows in bins) / len(over)


def reliability(records: Records) -> list[dict[str, Any]]:
    """Images, mean confidence and accuracy (0 to 1; None without images) of each bin."""
    right = records.right.double()
    return [
        {
            "images": len(rows),
            "confidence": records.confidence[rows].mean().item() if len(rows) else None,
            "accuracy": right[rows].mean().item() if len(rows) else None,
        }
        for rows in _equal_width(records)
    ]


def _equal_width(records: Records) -> Iterable[Tensor]:
    """The images in each bin of the confidence, whose upper end belongs to it."""
    ends = torch.linspace(0, 1, BINS + 1, dtype=torch.float64)[1:-1]
    bins = torch.bucketize(records.confidence, ends)
    return ((bins == number).nonzero().flatten() for number in range(BINS))


def per_class(records: Records, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Images of each class, and how many are right; a name that comes again is `name (2)`."""
    images = torch.bincount(records.labels, minlength=len(names)).tolist()
    right = torch.bincount(records.labels[records.right], minlength=len(names)).tolist()
    times: Counter[str] = Counter()
    found = {}
    for name, total, correct in zip(names, images, right, strict=True):
        times[name] += 1
        key = f"{name} ({times[name]})" if times[name] > 1 else name
        found[key] = {"images": total, "correct": correct}
    return found


def openworld(
    base: Tensor, right: Tensor, right_in_half: Tensor, detector: Tensor
) -> dict[str, float]:
    """What is left of base and new classes when a test is not told which of them an image has.

    Percent: S and U, base and new images that are right among all classes; H, their harmonic mean;
    the accuracy of all; OpenworldAUC.

    Args:
        base: (N,), True for images of base classes.
        right: (N,), right among all classes.
        right_in_half: (N,), right among the classes of the image's own half.
        detector: (N,), r of `openworld_auc`.
    """
    s, u = (100 * right[half].double().mean().item() for half in (base, ~base))
    return {
        "S": s,
        "U": u,
        "H": 2 * s * u / (s + u) if s + u else 0.0,
        "accuracy": 100 * right.double().mean().item(),
        "openworld_auc": openworld_auc(base, right_in_half, detector),
    }


def base_score(logits: Tensor, base: Sequence[int]) -> Tensor:
    """r of `openworld_auc`: logits (B, C) among all classes, and the columns of base ones -> (B,).

    It is the largest probability of a base class, in float64.
    """
    return logits.double().softmax(1)[:, list(base)].amax(1).cpu()


def openworld_auc(base: Tensor, right_in_half: Tensor, detector: Tensor) -> float:
    """OpenworldAUC (arXiv 2505.05180), percent: over pairs of a base and a new image, the share

        E [ g(x_b) = y_b ] [ r(x_b) > r(x_n) ] [ h(x_n) = y_n ]

    with g among base classes, h among new ones, and r the detector's score of being a base image.
    It is neither affected by how many images each half has, nor gained by one stage alone.

    A method without a detector of its own is scored by r(x) = the largest probability of a base
    class, among base and new classes. Equal r count half, as in the paper's code, which calls an
    AUC; the formula has them as 0. Takes N log N steps.
    """
    ours = detector[base & right_in_half]
    others = detector[~base & right_in_half].sort().values
    below = torch.searchsorted(others, ours)
    not_above = torch.searchsorted(others, ours, right=True)
    pairs = int(base.sum()) * int((~base).sum())
    return 100 * (below + not_above).sum().item() / (2 * pairs)
