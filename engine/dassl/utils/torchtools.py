"""Checkpoints and parameters."""

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

from dassl.utils import checksum
from dassl.utils.tools import mkdir_if_missing, replacing, tolist_if_not

REFUSED = re.compile(
    r"[Uu]nsupported (?:global: |class: )?(?:GLOBAL )?([\w.]+)"
)  # in PyTorch's words
UNFINISHED = "model-unfinished.pth.tar"


def save_checkpoint(
    state: dict[str, Any],
    save_dir: str,
    is_best: bool = False,
    remove_module_from_keys: bool = True,
    model_name: str = "",
) -> None:
    """Write `<save_dir>/model.pth.tar-<epoch>` (or `model_name`), then its name into `<save_dir>/checkpoint`.

    `state` has `state_dict, epoch, optimizer, scheduler, val_result`; `epoch` counts the epochs done. The file is complete, with a
    checksum beside it, before its name is known, and all replace older ones whole.

    Raises:
        OSError: a file can't be written; what was there stays.
    """
    mkdir_if_missing(save_dir)
    if remove_module_from_keys:
        weights = {key.removeprefix("module."): value for key, value in state["state_dict"].items()}
        state = {**state, "state_dict": weights}
    name = model_name or f"model.pth.tar-{state['epoch']}"
    path = osp.join(save_dir, name)
    content = _in_bytes(state)
    checksum.write_with_checksum(content, path)
    print(f"Checkpoint saved to {path}")
    with (
        replacing(osp.join(save_dir, "checkpoint")) as part,
        open(part, "w", encoding="utf-8") as file,
    ):
        file.write(f"{name}\n")
    if is_best:
        best = osp.join(save_dir, "model-best.pth.tar")
        checksum.write_with_checksum(content, best)
        print(f'Best checkpoint saved to "{best}"')


def save_unfinished(state: dict[str, Any], save_dir: str) -> None:
    """Write the state of an epoch that is not done beside the checkpoints; their pointer stays as it is."""
    mkdir_if_missing(save_dir)
    checksum.write_with_checksum(_in_bytes(state), osp.join(save_dir, UNFINISHED))


def _in_bytes(state: dict[str, Any]) -> bytes:
    """What `torch.save` writes; a disk that is full is then an OSError of ours, not a RuntimeError of PyTorch's."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def load_checkpoint(fpath: str) -> dict[str, Any]:
    """The dict in a checkpoint file, on the CPU where there is no GPU.

    Files of Dassl.pytorch hold pickled schedules; besides tensors and plain containers, only classes of `torch.optim` are let through.

    Raises:
        ValueError: no path; damaged, or it holds other objects.
        FileNotFoundError: no such file.
    """
    if fpath is None:
        raise ValueError("no checkpoint path given")
    if not osp.exists(fpath):
        raise FileNotFoundError(f"no checkpoint at {fpath}")
    checksum.verify(fpath)
    device = None if torch.cuda.is_available() else "cpu"
    try:
        with torch.serialization.safe_globals(_safe_classes()):
            checkpoint = torch.load(fpath, map_location=device, weights_only=True)
    except (
        Exception
    ) as error:  # of damaged bytes comes any: IndexError, struct.error, OSError without a path
        raise ValueError(
            f"checkpoint {fpath} can't be read ({_one_line(error)}); restore or delete it"
        ) from None
    if not isinstance(checkpoint, dict):
        raise ValueError(
            f"{fpath} is no checkpoint: it holds a {type(checkpoint).__name__}, not a dict"
        )
    return checkpoint


def load_training_checkpoint(fpath: str) -> dict[str, Any]:
    """A checkpoint of a training: weights in `state_dict`, and the number of epochs done in `epoch`.

    Raises:
        ValueError, FileNotFoundError: as `load_checkpoint`; or one of the two is not there.
    """
    checkpoint = load_checkpoint(fpath)
    for key, kind in {"state_dict": dict, "epoch": int}.items():
        if not isinstance(checkpoint.get(key), kind):
            raise ValueError(
                f"{fpath} is no checkpoint of a training: {key!r} is no {kind.__name__}; restore or delete it"
            )
    return checkpoint


@contextmanager
def fitting(fpath: str) -> Iterator[None]:
    """While the state of this file is taken up.

    Raises:
        ValueError: it does not fit what takes it up.
    """
    try:
        yield
    except ValueError as error:  # says itself what does not fit
        raise ValueError(f"{fpath}: {error}") from error
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {_one_line(error)}"
        raise ValueError(
            f"{fpath} does not fit this method and its settings ({reason}); use those of the run that wrote it, or another folder"
        ) from error


def _one_line(error: Exception) -> str:
    message = " ".join(str(error).split())
    refused = REFUSED.search(
        message
    )  # PyTorch says it behind advice to load the file without a look
    return f"it holds {refused[1]}, which is not loaded" if refused else message[:200]


def _safe_classes() -> list:
    schedules, optimizers = torch.optim.lr_scheduler, torch.optim
    return [
        schedules.CosineAnnealingLR,
        schedules.StepLR,
        schedules.MultiStepLR,
        schedules.LambdaLR,
        optimizers.SGD,
        optimizers.Adam,
        optimizers.AdamW,
        optimizers.RMSprop,
        optimizers.RAdam,
        dict,
        _plain_dict,
    ]


def _plain_dict(*_: Any) -> dict:
    return {}


# torch's loader refuses to fill a real defaultdict; PyTorch 2.5 knows an allowed class by these attributes only
_plain_dict.__module__, _plain_dict.__name__, _plain_dict.__qualname__ = (
    "collections",
    "defaultdict",
    "defaultdict",
)


def resume_from_checkpoint(
    fdir: str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: Any = None,
) -> int:
    """Load the newest checkpoint of a folder into model, optimizer and schedule; returns the number of epochs done."""
    with open(osp.join(fdir, "checkpoint"), encoding="utf-8") as file:
        path = osp.join(fdir, file.readline().strip())
    checkpoint = load_training_checkpoint(path)
    with fitting(path):
        restore(checkpoint, model, optimizer, scheduler)
    print(f'Resume from "{path}" (epoch = {checkpoint["epoch"]})')
    return checkpoint["epoch"]


def restore(
    checkpoint: dict[str, Any], model: nn.Module, optimizer: Any = None, scheduler: Any = None
) -> None:
    """Put a checkpoint's state into model, optimizer and schedule."""
    model.load_state_dict(checkpoint["state_dict"])
    if optimizer is not None and checkpoint.get("optimizer") is not None:
        optimizer.load_state_dict(checkpoint["optimizer"])
    if scheduler is not None and checkpoint.get("scheduler") is not None:
        scheduler.load_state_dict(checkpoint["scheduler"])


def load_pretrained_weights(model: nn.Module, weight_path: str) -> None:
    """Copy the weights that match in name and size; says what it leaves out."""
    checkpoint = load_checkpoint(weight_path)
    weights = {
        k.removeprefix("module."): v for k, v in checkpoint.get("state_dict", checkpoint).items()
    }
    mine = model.state_dict()
    fitting = {k: v for k, v in weights.items() if k in mine and mine[k].shape == v.shape}
    if not fitting:
        warnings.warn(f"{weight_path} has no weight that fits; nothing was loaded", stacklevel=2)
        return
    model.load_state_dict(mine | fitting)
    print(f"Loaded {len(fitting)} weights from {weight_path}")
    if left_out := [k for k in weights if k not in fitting]:
        print(f"Left out, for names or sizes that do not match: {', '.join(left_out)}")


def count_num_param(model: nn.Module | None = None, params: Any = None) -> int:
    """How many numbers a model, or a list of parameters, has."""
    if model is not None:
        return sum(p.numel() for p in model.parameters())
    if params is None:
        raise ValueError("count_num_param needs a model or parameters")
    return sum(p.numel() for p in params)


def open_all_layers(model: nn.Module) -> None:
    """Everything trains."""
    model.train()
    for p in model.parameters():
        p.requires_grad = True


def open_specified_layers(model: nn.Module, open_layers: str | Sequence[str]) -> None:
    """Only the named children train.

    Raises:
        ValueError: no child of that name.
    """
    model = model.module if isinstance(model, nn.DataParallel) else model
    names = tolist_if_not(open_layers)
    children = dict(model.named_children())
    if missing := [name for name in names if name not in children]:
        raise ValueError(f"{missing[0]!r} is no layer of the model; it has {', '.join(children)}")
    for name, child in children.items():
        child.train(name in names)
        for p in child.parameters():
            p.requires_grad = name in names


def init_network_weights(model: nn.Module, init_type: str = "normal", gain: float = 0.02) -> None:
    """Initialise convolutions and linear layers (normal, xavier, kaiming, orthogonal), norms at one, biases at zero.

    Raises:
        ValueError: another `init_type`.
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
        norm = isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.InstanceNorm2d)
        if norm and module.weight is not None:
            nn.init.ones_(module.weight)
        elif isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d):
            fill[init_type](module.weight)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def checkpoints(folder: str) -> list[str]:
    """The file that a folder's `checkpoint` points to, and those of the epochs before it; newest first. Without it all epochs."""
    pointer, newest = osp.join(folder, "checkpoint"), ""
    if osp.isfile(pointer):
        with open(pointer, encoding="utf-8", errors="replace") as file:
            newest = file.readline().strip()
    if not osp.isdir(folder):
        return []
    below = _epoch_of(newest)
    numbers = filter(None, map(_epoch_of, os.listdir(folder)))
    older = sorted((number for number in numbers if below is None or number < below), reverse=True)
    names = [newest, *(f"model.pth.tar-{number}" for number in older)]
    return [path for path in (osp.join(folder, name) for name in names) if osp.isfile(path)]


def _epoch_of(name: str) -> int | None:
    match = re.fullmatch(r"model\.pth\.tar-(\d+)", name)
    return int(match[1]) if match else None


def newest_readable(folder: str) -> tuple[str, dict[str, Any]] | None:
    """Path and content of the newest checkpoint in a folder; one that is damaged is named, and the one before it taken.

    Raises:
        ValueError: all are damaged.
    """
    paths = checkpoints(folder)
    for path in paths:
        try:
            return path, load_training_checkpoint(path)
        except ValueError as error:
            if path == paths[-1]:
                raise
            print(f"Warning: {error}. Going on from the one before")
    return None


def read_unfinished(folder: str) -> dict[str, Any] | None:
    """The state of an epoch that was not done (`save_unfinished`); None where there is none, or none that is readable."""
    path = osp.join(folder, UNFINISHED)
    if not osp.isfile(path):
        return None
    try:
        checkpoint = load_training_checkpoint(path)
    except ValueError as error:
        print(f"Warning: {error}. Going on from the end of the epoch before")
        return None
    return checkpoint if "unfinished" in checkpoint else None
