"""Zero-shot CLIP: no training; a test for each dataset's template."""

from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY

from promptsrc.clip.text import tokenize
from promptsrc.clip.tokens import readable
from promptsrc.templates import DATASETS
from tests.parity.cases import config_of
from tests.parity.training import Replay, recorded


class ZeroshotReplay(Replay, trainers=("ZeroshotCLIP", "ZeroshotCLIP2")):
    def run(self) -> dict[str, Any]:
        ours, names = {}, self.case["class_names"]
        cfg = config_of(self.case, self.output)
        for dataset in self.case["datasets"]:
            assert dataset in DATASETS
            cfg.DATASET.NAME = dataset
            trainer = recorded(TRAINER_REGISTRY.get(self.case["trainer"]), names, [])(cfg)
            texts = [
                [template.replace("{}", readable(name)) for name in names]
                for template in trainer.templates()
            ]
            ours[f"tokens/{dataset}"] = torch.stack([tokenize(row) for row in texts])
            ours[f"text_features/{dataset}"] = trainer.model.text
            ours[f"eval_logits/{dataset}"] = self.logits(trainer)
        return ours
