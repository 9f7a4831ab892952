"""ProGrad: both losses, both gradients of a step, and the one that is used."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from promptsrc.templates import PROGRAD
from tests.parity.kgcoop import teacher_tokens
from tests.parity.training import Replay, rates


def two_passes(base: type) -> type:
    """The recorded trainer, which also records the backward passes of each step."""

    class TwoPasses(base):
        def backward(self, loss: Tensor, retain_graph: bool = False) -> None:
            super().backward(loss, retain_graph)
            passes = self.steps[-1].setdefault("passes", [])
            passes.append((loss, self.gradients()))

        def update(self) -> None:
            self.steps[-1] |= {"grad": self.gradients(), "lr": rates(self.optim)}
            super().update()

        def gradients(self) -> dict[str, Tensor]:
            return {name: p.grad.clone() for name, p in self.prompts.named_parameters()}

    return TwoPasses


class ProGradReplay(Replay, trainers=("ProGrad",)):
    def recorded(self, base: type, *arguments: Any) -> type:
        return two_passes(super().recorded(base, *arguments))

    def targets(self, trainer: Any) -> dict[str, Any]:
        found = {"teacher_tokens": teacher_tokens(PROGRAD, trainer)}
        return super().targets(trainer) | found | {"step0_teacher_text": trainer.teacher.text}

    def training(self, trainer: Any) -> dict[str, Any]:
        ours, steps = super().training(trainer), trainer.steps
        kl, xe = (torch.stack([s["passes"][i][0] for s in steps]) for i in (0, 1))
        ours |= {"loss_kl": self.table(trainer, list(kl)), "loss_ce": self.table(trainer, list(xe))}
        frozen = trainer.model.frozen
        zero_shot = [frozen.logits(s["student"].image, trainer.teacher.text) for s in steps]
        ours["logits_teacher"] = self.table(trainer, zero_shot)
        ours["gradient_cosine"] = self.table(trainer, [cosine(s["passes"]) for s in steps])
        moments = {"step0": 0, "conflict": self.case.get("first_conflict") or 0}
        for when, step in moments.items():
            (_, g_kl), (_, g_ce) = steps[step]["passes"]
            for name, gradients in {"kl": g_kl, "ce": g_ce}.items():
                ours |= self.parameters(f"grad_{name}/{when}", gradients)
            ours |= self.parameters(f"grad/{when}", steps[step]["grad"])
        return ours


def cosine(passes: list[tuple[Tensor, dict[str, Tensor]]]) -> Tensor:
    """Of the two gradients of a step, all parameters in one."""
    flat = (torch.cat([g.flatten() for g in gradients.values()]) for _, gradients in passes)
    return F.cosine_similarity(*flat, dim=0)
