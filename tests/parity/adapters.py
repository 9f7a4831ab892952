"""Methods on cached features: one pass, in the order of the recording."""

from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor

from tests.parity.cases import batches_of, config_of, trainer_of
from tests.parity.training import Replay, recorded


class FeatureReplay(Replay, trainers=("TaskRes", "CLIP_Adapter")):
    def build(self, classnames: list[str], novel: bool = False) -> Any:
        cfg, batches = config_of(self.case, self.output), batches_of(self.case)

        class Cached(recorded(TRAINER_REGISTRY.get(trainer_of(self.case)), classnames, [])):
            def build_data_loader(self) -> None:
                super().build_data_loader()
                self.train_loader_x = batches

            def images_of_pass(self, number: int) -> Any:
                return self.images

            def epoch_order(self, rows: int) -> Tensor:
                return torch.arange(rows)

        return Cached(cfg)

    def texts(self, trainer: Any) -> dict[str, Any]:
        return {}

    def targets(self, trainer: Any) -> dict[str, Any]:
        return dict(trainer.prompts.named_buffers())
