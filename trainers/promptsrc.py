"""PromptSRC: self-regulating prompts (ICCV 2023, arXiv 2307.06948).

Deep prompts in both towers (IVLP), trained with L = L_CE + L_SCL and averaged over the epochs:
`promptsrc/regulation.py` is section 3.2 of the paper. What happens where:

    build_model      P from DeepPrompts; g, the frozen class features, from 60 templates    (3.2.3)
    each step        losses: L_CE + lambda_1 |f_p - f| + lambda_2 |g_p - g| + KL             (3.2.1)
    each epoch       end_epoch: the sum of w_t P_t, which replaces P after the last          (3.2.2)
"""

from dassl.engine import TRAINER_REGISTRY
from yacs.config import CfgNode

from trainers import regulation
from trainers.ivlp import IVLP
from trainers.words import WORDS


def extend_cfg(cfg: CfgNode) -> None:
    cfg.TRAINER.PROMPTSRC = CfgNode()
    cfg.TRAINER.PROMPTSRC.N_CTX_VISION = 4  # vectors per layer, image tower
    cfg.TRAINER.PROMPTSRC.N_CTX_TEXT = 4  # vectors per layer, text tower
    cfg.TRAINER.PROMPTSRC.CTX_INIT = WORDS  # that the first text vectors start from
    cfg.TRAINER.PROMPTSRC.PREC = "fp16"  # fp32, fp16, amp, bf16
    cfg.TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION = 9  # layers with vectors; 0: no image prompts
    cfg.TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT = 9  # at least 1
    cfg.TRAINER.PROMPTSRC.TEXT_LOSS_WEIGHT = 25.0  # lambda_2
    cfg.TRAINER.PROMPTSRC.IMAGE_LOSS_WEIGHT = 10.0  # lambda_1
    cfg.TRAINER.PROMPTSRC.GPA_MEAN = 15.0  # mu, the epoch that weighs most
    cfg.TRAINER.PROMPTSRC.GPA_STD = 1.0  # sigma, in epochs


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
        untouched = CfgNode()
        regulation.extend_cfg(untouched)
        default = untouched.REGULATION
        if changed := [key for key, value in cfg.REGULATION.items() if value != default[key]]:
            raise ValueError(
                f"REGULATION.{changed[0]} is for other methods; PromptSRC has these keys in "
                "TRAINER.PROMPTSRC"
            )

    @property
    def regulation_settings(self) -> CfgNode:
        return self.settings
