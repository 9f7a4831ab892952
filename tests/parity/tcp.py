"""TCP: the class features in the frozen template, and the vectors made of them."""

from typing import Any

import torch

from promptsrc.templates import TCP_FROZEN
from tests.parity.kgcoop import teacher_tokens
from tests.parity.training import Replay


class TCPReplay(Replay, trainers=("TCP",)):
    def targets(self, trainer: Any) -> dict[str, Any]:
        found = {"teacher_tokens": teacher_tokens(TCP_FROZEN, trainer)}
        found["step0_teacher_text"] = trainer.prompts.frozen
        return super().targets(trainer) | found

    @torch.no_grad()
    def untrained(self, trainer: Any) -> dict[str, Any]:
        vectors = {"class_tokens_step0": trainer.prompts.text[trainer.prompts.block]}
        return super().untrained(trainer) | vectors

    @torch.no_grad()
    def evaluation(self, trainer: Any, which: str) -> dict[str, Any]:
        vectors = {f"class_tokens_{which}": trainer.prompts.text[trainer.prompts.block]}
        return super().evaluation(trainer, which) | vectors
