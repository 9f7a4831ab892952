"""VPT: image prompts only (arXiv 2203.12119, as MaPLe's authors compare with it).

Class features come from "a photo of a <name>." once; the towers compute in float32.
"""

from typing import Any

from dassl.engine import TRAINER_REGISTRY

from promptsrc.prompts import DeepPrompts
from trainers.base import PromptTrainer
from trainers.keys import WORDS


@TRAINER_REGISTRY.register()
class VPT(PromptTrainer):
    node = "VPT"
    registered_as = "prompt_learner"
    learner = DeepPrompts
    prec = "fp32"

    def prompt_settings(self) -> dict[str, Any]:
        """
        Raises:
            ValueError: the depth is below 1, or a key is set that VPT does not follow.
        """
        settings = self.settings
        if settings.CTX_INIT != WORDS or settings.PREC not in ("fp16", self.prec):
            raise ValueError(
                f"TRAINER.VPT.CTX_INIT is {settings.CTX_INIT!r} and PREC {settings.PREC!r}, but "
                f"VPT's texts are always '{WORDS} <name>.', and it computes in fp32; leave both out"
            )
        n, depth = self.settings.N_CTX_VISION, self.settings.PROMPT_DEPTH_VISION
        if depth < 1:
            raise ValueError(f"PROMPT_DEPTH_VISION is {depth}; it must be at least 1")
        return {"n_text": 0, "depth_text": 0, "n_image": n, "depth_image": depth}
