"""Optimizers by name."""

import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from yacs.config import CfgNode

from dassl.utils.tools import check_availability

AVAI_OPTIMS = ["adam", "amsgrad", "sgd", "rmsprop", "radam", "adamw"]


def build_optimizer(
    model: nn.Module | Iterable[Any],
    optim_cfg: CfgNode,
    param_groups: list[dict[str, Any]] | None = None,
) -> torch.optim.Optimizer:
    """The optimizer of OPTIM for a model or its parameters.

    With STAGED_LR, the children in NEW_LAYERS learn at LR, the others at LR * BASE_LR_MULT.
    `param_groups` takes precedence over both.

    Raises:
        ValueError: an unknown name, or STAGED_LR without a module.
    """
    check_availability(optim_cfg.NAME, AVAI_OPTIMS)
    params = param_groups
    if params is None:
        params = _staged(model, optim_cfg) if optim_cfg.STAGED_LR else _parameters(model)
    shared = {"lr": optim_cfg.LR, "weight_decay": optim_cfg.WEIGHT_DECAY}
    betas = (optim_cfg.ADAM_BETA1, optim_cfg.ADAM_BETA2)
    if optim_cfg.NAME == "sgd":
        return torch.optim.SGD(
            params,
            **shared,
            momentum=optim_cfg.MOMENTUM,
            dampening=optim_cfg.SGD_DAMPNING,
            nesterov=optim_cfg.SGD_NESTEROV,
        )
    if optim_cfg.NAME == "rmsprop":
        return torch.optim.RMSprop(
            params, **shared, momentum=optim_cfg.MOMENTUM, alpha=optim_cfg.RMSPROP_ALPHA
        )
    if optim_cfg.NAME in ("adam", "amsgrad"):
        return torch.optim.Adam(params, **shared, betas=betas, amsgrad=optim_cfg.NAME == "amsgrad")
    kind = torch.optim.RAdam if optim_cfg.NAME == "radam" else torch.optim.AdamW
    return kind(params, **shared, betas=betas)


def _parameters(model: nn.Module | Iterable[Any]) -> list[Any]:
    return list(model.parameters() if isinstance(model, nn.Module) else model)


def _staged(model: nn.Module | Iterable[Any], optim_cfg: CfgNode) -> list[dict[str, Any]]:
    if not isinstance(model, nn.Module):
        raise ValueError("OPTIM.STAGED_LR needs a module, not a list of parameters")
    model = model.module if isinstance(model, nn.DataParallel) else model
    layers = optim_cfg.NEW_LAYERS
    new = [layers] if isinstance(layers, str) else list(layers)
    if not new:
        warnings.warn(
            "OPTIM.STAGED_LR without NEW_LAYERS: all layers learn at LR * BASE_LR_MULT",
            stacklevel=3,
        )
    children = dict(model.named_children())
    old = [p for name, child in children.items() if name not in new for p in child.parameters()]
    return [
        {"params": old, "lr": optim_cfg.LR * optim_cfg.BASE_LR_MULT},
        {"params": [p for name in new if name in children for p in children[name].parameters()]},
    ]
