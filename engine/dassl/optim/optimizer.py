"""Optimizers by name."""

import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from yacs.config import CfgNode

from dassl.optim.radam import RAdam
from dassl.utils.checks import in_range, one_of

MOST = 1e30  # of a rate or a factor; float32 ends at 3.4e38
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
        ValueError: an unknown name, a value out of range, or STAGED_LR without a module.
    """
    name = one_of("OPTIM.NAME", optim_cfg.NAME, AVAI_OPTIMS)
    params = param_groups
    if params is None:
        params = _staged(model, optim_cfg) if optim_cfg.STAGED_LR else _parameters(model)
    elif optim_cfg.STAGED_LR:
        _warn("ignored, because the parameters come in groups")
    shared = {key: _number(optim_cfg, key.upper()) for key in ("lr", "weight_decay")}
    if name in ("sgd", "rmsprop"):
        shared["momentum"] = _number(optim_cfg, "MOMENTUM")
    if name == "sgd":
        dampening = in_range("OPTIM.SGD_DAMPNING", optim_cfg.SGD_DAMPNING, 0, 1)
        nesterov = optim_cfg.SGD_NESTEROV
        if nesterov and (dampening or not optim_cfg.MOMENTUM):
            raise ValueError(
                "OPTIM.SGD_NESTEROV True needs OPTIM.MOMENTUM above 0 and OPTIM.SGD_DAMPNING 0"
            )
        return torch.optim.SGD(params, **shared, dampening=dampening, nesterov=nesterov)
    shared["eps"] = _number(optim_cfg, "EPS")
    if name == "rmsprop":
        return torch.optim.RMSprop(params, **shared, alpha=_number(optim_cfg, "RMSPROP_ALPHA"))
    betas = _beta(optim_cfg, "ADAM_BETA1"), _beta(optim_cfg, "ADAM_BETA2")
    if name in ("adam", "amsgrad"):
        return torch.optim.Adam(params, **shared, betas=betas, amsgrad=name == "amsgrad")
    kind = RAdam if name == "radam" else torch.optim.AdamW
    return kind(params, **shared, betas=betas)


def _number(optim_cfg: CfgNode, key: str) -> float:
    return in_range(f"OPTIM.{key}", optim_cfg[key], 0, MOST)


def _beta(optim_cfg: CfgNode, key: str) -> float:
    if not 0 <= optim_cfg[key] < 1:
        raise ValueError(f"OPTIM.{key} is {optim_cfg[key]}; it must be at least 0 and below 1")
    return optim_cfg[key]


def _parameters(model: nn.Module | Iterable[Any]) -> list[Any]:
    return list(model.parameters() if isinstance(model, nn.Module) else model)


def _staged(model: nn.Module | Iterable[Any], optim_cfg: CfgNode) -> list[dict[str, Any]]:
    if not isinstance(model, nn.Module):
        raise ValueError("OPTIM.STAGED_LR needs a module, not a list of parameters")
    model = model.module if isinstance(model, nn.DataParallel) else model
    layers = optim_cfg.NEW_LAYERS
    new = [layers] if isinstance(layers, str) else list(layers)
    children = dict(model.named_children())
    if not set(new) & set(children):
        _warn(f"none of NEW_LAYERS {layers} is here; all learn at LR * BASE_LR_MULT")
    if own := [name for name, _ in model.named_parameters(recurse=False)]:
        _warn(f"{', '.join(own)} of the model itself belong to no layer and do not learn")
    groups: dict[bool, list[nn.Parameter]] = {False: [], True: []}
    for name, child in children.items():
        groups[name in new] += child.parameters()
    rate = optim_cfg.LR * _number(optim_cfg, "BASE_LR_MULT")
    return [{"params": groups[False], "lr": rate}, {"params": groups[True]}]


def _warn(message: str) -> None:
    warnings.warn(f"OPTIM.STAGED_LR: {message}", stacklevel=4)
