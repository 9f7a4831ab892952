"""Self-regulation as a part: any prompted CLIP can be trained with it (arXiv 2307.06948, section 3.2)."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from promptsrc.aggregation import GaussianAggregation
from promptsrc.losses import consistency_losses
from promptsrc.model import Encoded, ZeroShotCLIP


@dataclass
class SelfRegulation:
    """The three constraints: agreement with the teacher, whose class features are diverse, and the aggregation."""

    teacher: ZeroShotCLIP
    aggregation: GaussianAggregation
    text_weight: float
    image_weight: float

    def losses(self, student: Encoded, images: Tensor) -> dict[str, Tensor]:
        """The consistency losses of one batch of images (B, 3, R, R).

        A student without image prompts has the teacher's image features, which are not computed twice.
        """
        known = None if student.image.requires_grad else student.image
        return consistency_losses(
            student, self.teacher.encode(images, known), self.text_weight, self.image_weight
        )

    def end_epoch(self, prompts: nn.Module) -> None:
        """Aggregate the prompts of this epoch; after the last, the aggregated prompts take their place."""
        self.aggregation.update(prompts.named_parameters())
        if self.aggregation.complete:
            self.aggregation.apply(prompts.named_parameters())

    def state_dict(self) -> dict[str, Any]:
        return self.aggregation.state_dict()

    def load_state_dict(self, state: dict[str, Any], device: torch.device | str) -> None:
        self.aggregation.load_state_dict(state, device)
