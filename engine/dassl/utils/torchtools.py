"""Checkpoint files and parameters."""

import io
import os
import os.path as osp
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from dassl.elsewhere import names_of
from dassl.utils import model_folder
from dassl.utils.checks import NotAllowed
from dassl.utils.kinds import check_kinds, check_optimizer
from dassl.utils.model_folder import BEST
from dassl.utils.plain import plain
from dassl.utils.stand_ins import stand_ins
from dassl.utils.tools import mkdir_if_missing, tolist_if_not

__getattr__ = names_of(__name__)

REFUSED = re.compile(r"[Uu]nsupported (?:global: |class: )?(?:GLOBAL )?([\w.]+)")  # by torch.load


def save_checkpoint(
    state: dict[str, Any],
    save_dir: str,
    is_best: bool = False,
    remove_module_from_keys: bool = True,
    model_name: str = "",
) -> None:
    """Write `<save_dir>/model.pth.tar-<epoch>` or `model_name`, then its name to `checkpoint`.

    `state` holds state_dict, epoch (the number of epochs done), optimizer, scheduler, val_result.

    Raises:
        ValueError: an entry is not of the kinds that `plain` names.
        OSError: a file cannot be written; the old one stays.
    """
    mkdir_if_missing(save_dir)
    if remove_module_from_keys:
        state = {**state, "state_dict": _without_module(state["state_dict"])}
    name = model_name or f"model.pth.tar-{state['epoch']}"
    content = in_bytes(state)
    best = {BEST: content} if is_best else {}
    model_folder.write(save_dir, best | {name: content}, newest=name)
    print(f"Checkpoint saved to {osp.join(save_dir, name)}")
    if is_best:
        print(f'Best checkpoint saved to "{osp.join(save_dir, BEST)}"')


def in_bytes(state: dict[str, Any]) -> bytes:
    """What `torch.save` writes; to a file on a full disk it raises RuntimeError, we OSError.

    Raises:
        ValueError: an entry is not of the kinds that `plain` names.
    """
    buffer = io.BytesIO()
    torch.save(plain(state), buffer)
    return buffer.getvalue()


def _without_module(weights: dict[str, Any]) -> dict[str, Any]:
    return {name.removeprefix("module."): weight for name, weight in weights.items()}


def load_checkpoint(fpath: str) -> dict[str, Any]:
    """The dict in a checkpoint file, on the CPU if there is no GPU.

    Unpickles tensors, plain containers and stand-ins for what files of Dassl.pytorch hold.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no path is given, or the file is damaged or holds something else.
    """
    if fpath is None:
        raise ValueError("no checkpoint path given")
    if not osp.exists(fpath):
        raise FileNotFoundError(f"no checkpoint at {fpath}")
    return loaded(model_folder.read(fpath), fpath)


def loaded(content: bytes, fpath: str) -> dict[str, Any]:
    """The dict in the content of a checkpoint file.

    Raises:
        ValueError: it is damaged or holds something else.
    """
    device = None if torch.cuda.is_available() else "cpu"
    try:
        with torch.serialization.safe_globals(stand_ins()):
            checkpoint = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except Exception as error:  # damaged bytes raise nearly anything: IndexError, struct.error, ...
        raise ValueError(
            f"checkpoint {fpath} can't be read ({_one_line(error)}); restore or delete it"
        ) from None
    if not isinstance(checkpoint, dict):
        kind = type(checkpoint).__name__
        raise ValueError(f"{fpath} is not a checkpoint: it holds a {kind}, not a dict")
    return checkpoint


def load_training_checkpoint(fpath: str) -> dict[str, Any]:
    """A checkpoint with weights in `state_dict` and the number of epochs done in `epoch`.

    Raises:
        ValueError, FileNotFoundError: as `load_checkpoint`, or one of the two is missing.
    """
    return check_training_checkpoint(load_checkpoint(fpath), fpath)


def check_training_checkpoint(checkpoint: Any, fpath: str) -> dict[str, Any]:
    """The checkpoint.

    Raises:
        ValueError: it is not a dict, or one of the two is missing.
    """
    checkpoint = checkpoint if isinstance(checkpoint, dict) else {}
    for key, kind in {"state_dict": dict, "epoch": int}.items():
        if not isinstance(checkpoint.get(key), kind):
            raise ValueError(
                f"{fpath} is not a training checkpoint: {key!r} is not of type {kind.__name__}; "
                "restore or delete it"
            )
    if isinstance(checkpoint["epoch"], bool) or checkpoint["epoch"] < 0:
        raise ValueError(f"{fpath} is of epoch {checkpoint['epoch']}; restore or delete it")
    return checkpoint


@contextmanager
def fitting(fpath: str) -> Iterator[None]:
    """Name this file if its content does not fit what is loaded from it within the block.

    Raises:
        ValueError: it does not fit.
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{fpath}: {error}") from error
    except (RuntimeError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        reason = f"{type(error).__name__}: {_one_line(error)}"
        raise ValueError(
            f"{fpath} does not fit this method and its settings ({reason}); "
            "use the settings of the run that wrote it, or another folder"
        ) from error


def _one_line(error: Exception) -> str:
    message = " ".join(str(error).split())
    refused = REFUSED.search(message)  # PyTorch's message advises to load the file unchecked
    return f"it holds {refused[1]}, which is not loaded" if refused else message[:200]


def resume_from_checkpoint(
    fdir: str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: Any = None,
) -> int:
    """Load the checkpoint that `<fdir>/checkpoint` names; returns the number of epochs done."""
    path = osp.join(fdir, model_folder.newest_of(fdir))
    checkpoint = load_training_checkpoint(path)
    with fitting(path):
        restore(checkpoint, model, optimizer, scheduler)
    print(f'Resume from "{path}" (epoch = {checkpoint["epoch"]})')
    return checkpoint["epoch"]


def restore(
    checkpoint: dict[str, Any], model: nn.Module, optimizer: Any = None, scheduler: Any = None
) -> None:
    """Load a checkpoint into a model, its optimizer and its scheduler.

    Raises:
        ValueError: entries of the optimizer or the scheduler are of another kind.
    """
    model.load_state_dict(checkpoint["state_dict"])
    if optimizer is not None and checkpoint.get("optimizer") is not None:
        check_optimizer(checkpoint["optimizer"], optimizer)
        optimizer.load_state_dict(checkpoint["optimizer"])
    if scheduler is not None and checkpoint.get("scheduler") is not None:
        _restore_schedule(checkpoint["scheduler"], scheduler)


def _restore_schedule(saved: Any, scheduler: Any) -> None:
    """Load a schedule, and the schedules that it holds, which drive the same optimizer."""
    entries = plain(saved)
    check_kinds(entries, plain(scheduler.state_dict()), "scheduler")
    inner = {
        name: schedule
        for name, schedule in vars(scheduler).items()
        if isinstance(schedule, LRScheduler) and name in entries
    }
    for name, schedule in inner.items():
        _restore_schedule(entries[name], schedule)
    scheduler.load_state_dict(saved | inner)


def load_pretrained_weights(model: nn.Module, weight_path: str) -> None:
    """Copy the weights whose name and shape match; prints the others."""
    checkpoint = load_checkpoint(weight_path)
    weights = _without_module(checkpoint.get("state_dict", checkpoint))
    own = model.state_dict()
    matching = {k: v for k, v in weights.items() if k in own and own[k].shape == v.shape}
    if not matching:
        warnings.warn(f"{weight_path} has no matching weights; none were loaded", stacklevel=2)
        return
    model.load_state_dict(own | matching)
    print(f"Loaded {len(matching)} weights from {weight_path}")
    if left_out := [name for name in weights if name not in matching]:
        print(f"Left out, because names or shapes do not match: {', '.join(left_out)}")


def count_num_param(model: nn.Module | None = None, params: Any = None) -> int:
    """The number of parameters of a model, or of tensors, one by one or in parameter groups."""
    if model is not None:
        params = model.parameters()
    if params is None:
        raise ValueError("count_num_param needs a model or parameters")
    if isinstance(params, dict):
        params = params["params"]
    if isinstance(params, torch.Tensor):
        return params.numel()
    return sum(count_num_param(params=p) for p in params)


def open_all_layers(model: nn.Module) -> None:
    """Train the whole model."""
    model.train()
    for p in model.parameters():
        p.requires_grad = True


def open_specified_layers(model: nn.Module, open_layers: str | Sequence[str]) -> None:
    """Train only the named children.

    Raises:
        NotAllowed: no child has that name.
    """
    model = model.module if isinstance(model, nn.DataParallel) else model
    names = tolist_if_not(open_layers)
    children = dict(model.named_children())
    if missing := [name for name in names if name not in children]:
        raise NotAllowed(f"the model has no layer {missing[0]!r}; it has {', '.join(children)}")
    for name, child in children.items():
        child.train(name in names)
        for p in child.parameters():
            p.requires_grad = name in names


def init_network_weights(model: nn.Module, init_type: str = "normal", gain: float = 0.02) -> None:
    """Initialise convolutions and linear layers by `init_type`, norms to one, biases to zero.

    Raises:
        ValueError: an unknown `init_type`.
    """
    fill = {
        "normal": lambda w: nn.init.normal_(w, 0.0, gain),
        "xavier": lambda w: nn.init.xavier_normal_(w, gain=gain),
        "kaiming": lambda w: nn.init.kaiming_normal_(w, a=0, mode="fan_in"),
        "orthogonal": lambda w: nn.init.orthogonal_(w, gain=gain),
    }
    if init_type not in fill:
        raise ValueError(f"init_type is {init_type!r}; choose one of {', '.join(fill)}")
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.InstanceNorm2d):
            if module.weight is not None:
                nn.init.ones_(module.weight)
        elif isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d):
            fill[init_type](module.weight)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def set_bn_to_eval(m: nn.Module) -> None:
    """For `model.apply`: batch norms keep their running statistics."""
    if isinstance(m, nn.modules.batchnorm._BatchNorm):
        m.eval()


def adjust_learning_rate(
    optimizer: torch.optim.Optimizer,
    base_lr: float,
    epoch: int,
    stepsize: int = 20,
    gamma: float = 0.1,
    linear_decay: bool = False,
    final_lr: float = 0,
    max_epoch: int = 100,
) -> None:
    """Set all groups to base_lr gamma^(epoch // stepsize), or on the line to `final_lr`."""
    done = epoch / max_epoch
    line = (1 - done) * base_lr + done * final_lr
    for group in optimizer.param_groups:
        group["lr"] = line if linear_decay else base_lr * gamma ** (epoch // stepsize)


def checkpoints(folder: str) -> list[str]:
    """The file that `checkpoint` names and those of earlier epochs, newest first.

    Without a `checkpoint` file: those of all epochs.
    """
    if not osp.isdir(folder):
        return []
    newest = model_folder.newest_of(folder)
    last = _epoch_of(newest)
    epochs = filter(None, map(_epoch_of, os.listdir(folder)))
    earlier = sorted((epoch for epoch in epochs if last is None or epoch < last), reverse=True)
    names = [newest, *(f"model.pth.tar-{epoch}" for epoch in earlier)]
    return [path for path in (osp.join(folder, name) for name in names) if osp.isfile(path)]


def _epoch_of(name: str) -> int | None:
    match = re.fullmatch(r"model\.pth\.tar-(\d+)", name)
    return int(match[1]) if match else None


def newest_readable(folder: str) -> tuple[str, dict[str, Any]] | None:
    """Path and content of the newest checkpoint that is not damaged; warns about damaged ones.

    Raises:
        ValueError: all of them are damaged.
    """
    paths = checkpoints(folder)
    for path in paths:
        try:
            return path, load_training_checkpoint(path)
        except ValueError as error:
            if path == paths[-1]:
                raise
            print(f"Warning: {error}. Resuming from the one before")
    return None
