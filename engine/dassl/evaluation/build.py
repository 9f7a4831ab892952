from typing import Any

from yacs.config import CfgNode

from dassl.elsewhere import names_of
from dassl.utils.checks import one_of
from dassl.utils.registry import Registry

__getattr__ = names_of(__name__)

EVALUATOR_REGISTRY = Registry("EVALUATOR")


def build_evaluator(cfg: CfgNode, **kwargs: Any) -> Any:
    """The evaluator named by TEST.EVALUATOR.

    Raises:
        ValueError: no evaluator of that name is registered.
    """
    one_of("TEST.EVALUATOR", cfg.TEST.EVALUATOR, EVALUATOR_REGISTRY.registered_names())
    if cfg.VERBOSE:
        print(f"Loading evaluator: {cfg.TEST.EVALUATOR}")
    return EVALUATOR_REGISTRY.get(cfg.TEST.EVALUATOR)(cfg, **kwargs)
