"""DePT: the logits of both heads."""

from typing import Any

import torch

from tests.parity.training import Replay

METHODS = "CoOp", "CoCoOp", "KgCoOp", "MaPLe", "IVLP", "PromptSRC"


class DePTReplay(Replay, trainers=tuple(f"ExtrasLinearProbe{name}" for name in METHODS)):
    def build(self, classnames: list[str], novel: bool = False) -> Any:
        trainer = super().build(classnames, novel)
        trainer.probed, probe = [], trainer.prompts.probe.of_training

        def recorded_probe(*arguments: Any) -> Any:
            logits, labels = probe(*arguments)
            trainer.probed.append(logits)
            return logits, labels

        trainer.prompts.probe.of_training = recorded_probe
        return trainer

    def training(self, trainer: Any) -> dict[str, Any]:
        ours = super().training(trainer)
        return ours | {"logits_probe": self.table(trainer, trainer.probed)}

    @torch.no_grad()
    def evaluation(self, trainer: Any, which: str) -> dict[str, Any]:
        ours = super().evaluation(trainer, which)
        if trainer.prompts.probe.known:
            encoded = trainer.model.encode(self.images)
            ours[f"eval_logits_similarity_{which}"] = encoded.logits
            ours[f"eval_logits_probe_{which}"] = trainer.prompts.probe.of_images(encoded)
        return ours
