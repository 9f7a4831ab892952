"""How far learned features are from those of the frozen CLIP, by the angle.

KgCoOp (arXiv 2303.13283, section 3.2), and the methods that keep its term.
"""

import torch.nn.functional as F
from torch import Tensor


def cosine_distance(features: Tensor, target: Tensor) -> Tensor:
    """1 - (1/N) sum_i cos(features_i, target_i), a scalar from 0 to 2, of (N, D) both.

    For features of unit length it is half of the mean squared distance, |f - g|^2 = 2 - 2 cos.
    """
    return 1 - F.cosine_similarity(features, target, dim=-1).mean()
