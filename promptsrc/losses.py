"""The self-regulating consistency losses (arXiv 2307.06948, section 3.2.1).

    L = CE(s, y) + lambda_1 mean|g_p - g| + lambda_2 mean|f_p - f| + KL(t || s)

f: image features, g: text features, with prompts where marked p; s, t: logits of student and teacher.
"""

import torch.nn.functional as F
from torch import Tensor

from promptsrc.model import Encoded


def consistency_losses(
    student: Encoded, teacher: Encoded, text_weight: float, image_weight: float
) -> dict[str, Tensor]:
    """The three terms behind the cross-entropy, each a scalar that has its weight already."""
    return {
        "loss_scl_text": text_weight * (student.text - teacher.text).abs().mean(),
        "loss_scl_image": image_weight * (student.image - teacher.image).abs().mean(),
        "loss_scl_logits": kl_divergence(student.logits, teacher.logits),
    }


def kl_divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """sum p_t (log p_t - log p_s) / (B C) of logits (B, C): the mean over *elements*, as published."""
    log_p_s, log_p_t = F.log_softmax(student, -1), F.log_softmax(teacher, -1)
    return F.kl_div(log_p_s, log_p_t, reduction="sum", log_target=True) / student.numel()
