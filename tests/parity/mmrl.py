"""MMRL and MMRL++: two logits, a penalty on the frozen features, and what a test reads of each."""

from typing import Any

import torch
from torch import Tensor

from tests.parity.training import Replay

LOGITS = {"": "class_logits", "_rep": "rep_logits", "_fusion": "logits"}


class MMRLReplay(Replay, trainers=("MMRL", "MMRLpp")):
    def untrained(self, trainer: Any) -> dict[str, Any]:
        return self.evaluation(trainer, "init")

    @torch.no_grad()
    def evaluation(self, trainer: Any, which: str) -> dict[str, Any]:
        found = trainer.model.encode(self.images)
        tested = trainer.model_inference(self.images)
        assert torch.equal(tested, found.class_logits if which == "novel" else tested)
        ours = {f"eval_logits{end}_{which}": getattr(found, n) for end, n in LOGITS.items()}
        features = {"image": found.image, "text": found.text}
        return ours | {f"eval_{n}_features_{which}": v for n, v in features.items()}

    def training(self, trainer: Any) -> dict[str, Any]:
        steps: list[dict[str, Any]] = trainer.steps
        ours = super().training(trainer)
        for end, name in (("student", "class_logits"), ("rep", "rep_logits")):
            logits: list[Tensor] = [getattr(step["student"], name) for step in steps]
            ours[f"logits_{end}"] = self.table(trainer, logits)
        teacher = trainer.zero_shot.encode(trainer.train_loader_x[0]["img"])
        return ours | {"step0_teacher_image": teacher.image, "step0_teacher_text": teacher.text}
