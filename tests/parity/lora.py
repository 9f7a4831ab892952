"""CLIP-LoRA: batches in turn for a number of iterations, without dropout."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dassl.engine import TRAINER_REGISTRY

from tests.parity.cases import batches_of, config_of
from tests.parity.training import Replay, recorded


class CLIPLoRAReplay(Replay, trainers=("CLIPLoRA",)):
    def __init__(self, case: Mapping[str, Any], output: Path, golden: Mapping[str, np.ndarray]):
        super().__init__(case | {"checkpoint": {"epoch_value": 1}}, output, golden)

    def build(self, classnames: list[str], novel: bool = False) -> Any:
        cfg, batches = config_of(self.case, self.output), batches_of(self.case)
        cfg.OPTIM.MAX_EPOCH = cfg.DATASET.NUM_SHOTS = 1
        cfg.TRAINER.CLIP_LORA.PREC = "fp32"

        class Base(TRAINER_REGISTRY.get("CLIPLoRA")):
            def passes(self, loader: Any, count: int) -> list[Any]:
                return [batches[i % len(batches)] for i in range(count)]

            def update(self) -> None:
                super().update()
                if self.batch_idx + 1 == len(batches):
                    learned = self.prompts.named_parameters()
                    self.after_a_pass = {name: value.detach().clone() for name, value in learned}

        return recorded(Base, classnames, batches)(cfg)

    def untrained(self, trainer: Any) -> dict[str, Any]:
        return {}

    def training(self, trainer: Any) -> dict[str, Any]:
        steps = trainer.steps
        ours = {
            "loss": np.stack([step["loss"].detach() for step in steps]),
            "logits_student": torch.stack([step["student"].logits for step in steps]),
            "lr_step": [step["lr"][0] for step in steps],
        }
        ours |= self.parameters("grad/step0", steps[0]["grad"])
        return ours | self.parameters("param/epoch1", trainer.after_a_pass)
