"""PromptSRC: self-regulating prompts (ICCV 2023, arXiv 2307.06948).

Deep prompts in both towers (IVLP), trained with L = L_CE + L_SCL and averaged over the epochs:
`promptsrc/regulation.py` is section 3.2 of the paper. What happens where:

    build_model      P from DeepPrompts; g, the frozen class features, from 60 templates    (3.2.3)
    each step        losses: L_CE + lambda_1 |f_p - f| + lambda_2 |g_p - g| + KL             (3.2.1)
    each epoch       end_epoch: the sum of w_t P_t, which replaces P after the last          (3.2.2)
"""

from dassl.engine import TRAINER_REGISTRY
from yacs.config import CfgNode

from trainers.ivlp import IVLP
from trainers.keys import REGULATION


@TRAINER_REGISTRY.register()
class PromptSRC(IVLP):
    """IVLP with self-regulation, whose weights are in its own config node."""

    node = "PROMPTSRC"
    usual_image_vectors = 4

    def check_cfg(self, cfg: CfgNode) -> None:
        """
        Raises:
            ValueError: the node for other methods is set, which would change nothing.
        """
        super().check_cfg(cfg)
        changed = [key for key, value in cfg.REGULATION.items() if value != REGULATION[key]]
        if changed:
            raise ValueError(
                f"REGULATION.{changed[0]} is for other methods; PromptSRC has these keys in "
                "TRAINER.PROMPTSRC"
            )

    @property
    def regulation_settings(self) -> CfgNode:
        return self.settings
