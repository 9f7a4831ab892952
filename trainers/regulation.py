"""Self-regulation for any method that learns prompts; PromptSRC has these keys in its own node.

    python train.py --trainer MaPLe REGULATION.ENABLED True REGULATION.GPA_MEAN 4

GPA_MEAN and GPA_STD count epochs. The defaults are for 20 epochs; three quarters of the epochs is
the published choice of GPA_MEAN.
"""

from yacs.config import CfgNode


def extend_cfg(cfg: CfgNode) -> None:
    cfg.REGULATION = CfgNode()
    cfg.REGULATION.ENABLED = False  # with IVLP it makes PromptSRC
    cfg.REGULATION.TEXT_LOSS_WEIGHT = 25.0  # lambda_2
    cfg.REGULATION.IMAGE_LOSS_WEIGHT = 10.0  # lambda_1
    cfg.REGULATION.GPA_MEAN = 15.0  # mu, the epoch that weighs most
    cfg.REGULATION.GPA_STD = 1.0  # sigma, in epochs
