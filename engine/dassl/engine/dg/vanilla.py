from typing import Any

import torch.nn.functional as F
from torch import Tensor

from dassl.engine.build import TRAINER_REGISTRY
from dassl.engine.trainer import TrainerX
from dassl.metrics import compute_accuracy


@TRAINER_REGISTRY.register()
class Vanilla(TrainerX):
    """Cross-entropy on the labelled images of all domains: the baseline of other methods."""

    def forward_backward(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        images, labels = self.parse_batch_train(batch)
        logits = self.model(images)
        loss = F.cross_entropy(logits, labels)
        self.model_backward_and_update(loss)
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
        return {"loss": loss.detach(), "acc": compute_accuracy(logits, labels)[0].detach()}

    def parse_batch_train(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Images and labels, on the device."""
        return batch["img"].to(self.device), batch["label"].to(self.device)
