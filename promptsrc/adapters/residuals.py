"""Task residuals (TaskRes, arXiv 2211.10277, section 3.3): class weights move from CLIP's own.

g = t + a x,  t: text features of the frozen CLIP, not normalised;  x starts at 0
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from promptsrc.adapters.adapter import Adapter
from promptsrc.clip.openai import CLIP


class TaskResiduals(Adapter):
    """`text_feature_residuals` x (C, D), learned; `base_text_features` t (C, D).

    Args:
        scale: a.
    """

    per_class = ("text_feature_residuals", "base_text_features")
    base_text_features: Tensor

    def __init__(self, clip: CLIP, classnames: Sequence[str], scale: float):
        super().__init__(classnames)
        self.scale = scale
        shape = len(self.classnames), clip.text_projection.shape[1]
        self.text_feature_residuals = nn.Parameter(torch.zeros(shape))
        self.register_buffer("base_text_features", torch.zeros(shape))

    @property
    def weights(self) -> Tensor:
        return self.base_text_features + self.scale * self.text_feature_residuals
