"""A step that never opposes the zero-shot model (ProGrad, arXiv 2205.14865, section 3.2).

L_kl = T^2 CE(softmax(z0 / T), softmax(z / T))       z, z0: logits of student and zero-shot CLIP
g = g_ce - lambda min(g_ce . u, 0) u,  u = g_kl / |g_kl|
"""

import torch.nn.functional as F
from torch import Tensor


def agreement_loss(logits: Tensor, zero_shot: Tensor, T: float) -> Tensor:
    """L_kl of logits (B, C), a mean over the batch: a KL plus the teacher's constant entropy."""
    return T**2 * F.cross_entropy(logits / T, (zero_shot / T).softmax(-1))


def projected(g_ce: Tensor, g_kl: Tensor, lambda_: float) -> Tensor:
    """g of one parameter: lambda 1 removes what points against g_kl, 0 leaves g_ce.

    A common factor of both, such as a gradient scaler's, stays one. A gradient of zero has no
    direction and changes nothing.
    """
    u = F.normalize(g_kl.flatten(), dim=0).view_as(g_kl)
    return g_ce - lambda_ * (g_ce * u).sum().clamp(max=0) * u
