"""Distances between the rows of two matrices."""

import torch
from torch import Tensor
from torch.nn import functional as F

from dassl.utils.checks import one_of


def compute_distance_matrix(input1: Tensor, input2: Tensor, metric: str = "euclidean") -> Tensor:
    """Distances (M, N) of rows (M, D) and (N, D); `euclidean` ones are squared.

    Raises:
        AssertionError: the inputs are not two matrices of rows of one length.
        ValueError: another metric.
    """
    for name, rows in {"input1": input1, "input2": input2}.items():
        assert torch.is_tensor(rows) and rows.ndim == 2, f"{name} is not a matrix"
    assert input1.shape[1] == input2.shape[1], "the rows have different lengths"
    one_of("metric", metric, ("euclidean", "cosine"))
    distance = cosine_distance if metric == "cosine" else euclidean_squared_distance
    return distance(input1, input2)


def euclidean_squared_distance(input1: Tensor, input2: Tensor) -> Tensor:
    squares = input1.square().sum(1)[:, None] + input2.square().sum(1)
    return squares - 2 * input1 @ input2.T


def cosine_distance(input1: Tensor, input2: Tensor) -> Tensor:
    return 1 - F.normalize(input1, dim=1) @ F.normalize(input2, dim=1).T
