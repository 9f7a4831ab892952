"""CoOp: context optimization (arXiv 2109.01134).

Learns the context around the class names, at the input of the text tower; the image tower stays
plain CLIP.
"""

from typing import Any

from dassl.engine import TRAINER_REGISTRY
from yacs.config import CfgNode

from promptsrc.prompts import ContextPrompts
from trainers.base import PromptTrainer


def extend_cfg(cfg: CfgNode) -> None:
    cfg.TRAINER.COOP = CfgNode()
    cfg.TRAINER.COOP.N_CTX = 16  # vectors; with CTX_INIT as many as it has words
    cfg.TRAINER.COOP.CSC = False  # class-specific context; with CTX_INIT never
    cfg.TRAINER.COOP.CTX_INIT = ""  # words that the context starts from
    cfg.TRAINER.COOP.PREC = "fp16"  # fp32, fp16, amp, bf16
    cfg.TRAINER.COOP.CLASS_TOKEN_POSITION = "end"  # or middle, front


@TRAINER_REGISTRY.register()
class CoOp(PromptTrainer):
    node = "COOP"
    registered_as = "prompt_learner"
    learner = ContextPrompts

    def prompt_settings(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "n": settings.N_CTX,
            "ctx_init": settings.CTX_INIT,
            "classes": len(self.classnames) if settings.CSC else 0,
            "position": settings.CLASS_TOKEN_POSITION,
        }
