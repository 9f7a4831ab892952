"""Registers models with their optimizers and schedulers; saves, loads and resumes them."""

import os.path as osp
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dassl.engine.random_state import random_state, restore_random_state
from dassl.utils import unfinished
from dassl.utils.checks import NotAllowed
from dassl.utils.kinds import check_kinds
from dassl.utils.meters import MetricMeter
from dassl.utils.model_folder import BEST
from dassl.utils.plain import plain
from dassl.utils.tools import mkdir_if_missing, tolist_if_not
from dassl.utils.torchtools import (
    fitting,
    load_training_checkpoint,
    newest_readable,
    restore,
    save_checkpoint,
)

Found = dict[str, tuple[str, dict[str, Any]]]  # by model: path and content of a checkpoint


class ModelManager:
    """Models by name, each with an optimizer and a scheduler, or None.

    A trainer sets `epoch`, which counts from 0, and `output_dir`.
    """

    epoch: int
    output_dir: str

    def __init__(self) -> None:
        self._models: dict[str, Any] = {}
        self._optims: dict[str, Any] = {}
        self._scheds: dict[str, Any] = {}
        self.saved_at = time.monotonic()
        self.unfinished: dict[str, Any] | None = None  # state of the loop when resuming mid-epoch

    def register_model(
        self,
        name: str = "model",
        model: nn.Module | None = None,
        optim: torch.optim.Optimizer | None = None,
        sched: Any = None,
    ) -> None:
        """Save, load, resume and switch this model from now on.

        Raises:
            AttributeError: the trainer's `__init__` has not run yet.
            NotAllowed: the name is taken.
        """
        if "_models" not in self.__dict__:
            raise AttributeError("call super().__init__() before register_model()")
        if name in self._models:
            raise NotAllowed(f"a model named {name!r} is already registered")
        self._models[name], self._optims[name], self._scheds[name] = model, optim, sched

    def get_model_names(self, names: str | Sequence[str] | None = None) -> list[str]:
        """All registered names, or the given ones.

        Raises:
            NotAllowed: one of them is not registered.
        """
        if names is None:
            return list(self._models)
        names = tolist_if_not(names)
        for name in names:
            if name not in self._models:
                registered = ", ".join(self._models) or "none"
                raise NotAllowed(f"no model is named {name!r}; registered: {registered}")
        return names

    def training_state(self) -> dict[str, Any]:
        """A trainer's own state for resuming, as tensors and plain types."""
        return {}

    def load_training_state(self, state: dict[str, Any]) -> None:
        """Restore what `training_state` returned."""

    def save_model(
        self,
        epoch: int,
        directory: str,
        is_best: bool = False,
        val_result: Any = None,
        model_name: str = "",
    ) -> None:
        """Write a checkpoint of each model into its own folder; `epoch` counts from 0."""
        states = {name: self._state(name, epoch + 1, val_result) for name in self.get_model_names()}
        save = {"is_best": is_best, "model_name": model_name}
        if len(states) > 1:
            mkdir_if_missing(directory)
            unfinished.write(directory, states, save)
        self._finish_save(directory, states, save)

    def _finish_save(self, directory: str, states: unfinished.States, save: dict[str, Any]) -> None:
        for name, state in states.items():
            save_checkpoint(state, osp.join(directory, name), **save)
        unfinished.remove(directory, states)
        self.saved_at = time.monotonic()

    def save_unfinished(self, loop: dict[str, Any]) -> None:
        """Write the state within an epoch; `loop` holds tensors and plain types."""
        states = {name: self._state(name, self.epoch) for name in self.get_model_names()}
        for state in states.values():
            state["unfinished"] = loop
        unfinished.write(self.output_dir, states)
        self.saved_at = time.monotonic()

    def check_state(self) -> None:
        """Find before the training what no checkpoint could hold after it.

        Raises:
            ValueError: names the entry and its class.
        """
        for name in self.get_model_names():
            plain(self._state(name, 0), f"checkpoint of {name}")

    def _state(self, name: str, epochs_done: int, val_result: Any = None) -> dict[str, Any]:
        optim, sched = self._optims[name], self._scheds[name]
        return {
            "state_dict": self._models[name].state_dict(),
            "epoch": epochs_done,
            "optimizer": optim.state_dict() if optim is not None else None,
            "scheduler": sched.state_dict() if sched is not None else None,
            "val_result": val_result,
            "best_result": getattr(self, "best_result", None),
            "trainer_state": self.training_state(),
            "random_state": random_state(),
        }

    def resume_model_if_exist(self, directory: str) -> int:
        """Resume from the newest state that all models have; returns the number of epochs done.

        That is the checkpoint of an epoch, or a state within the epoch after it.

        Raises:
            ValueError: no checkpoint of a model is readable, or it does not fit this trainer.
        """
        found, save = self._newest(directory)
        if not found:
            print("No checkpoint found, train from scratch")
            return 0
        for name, (path, checkpoint) in found.items():
            with fitting(path):
                restore(checkpoint, self._models[name], self._optims[name], self._scheds[name])
        self.unfinished = checkpoint.get("unfinished")
        with fitting(path):
            if self.unfinished is not None:
                _check_unfinished(self.unfinished)
            self._restore_rest(checkpoint)
        at = f"epoch = {checkpoint['epoch']}"
        at += f", batch = {self.unfinished['batch']}" if self.unfinished else ""
        print(f'Found checkpoint in "{directory}". Will resume training ({at})')
        if save:
            self._finish_save(self.output_dir, {n: state for n, (_, state) in found.items()}, save)
        return checkpoint["epoch"]

    def _newest(self, directory: str) -> tuple[Found, dict[str, Any] | None]:
        """The newest state of all models; and the save to finish, if a kill has ended one."""
        states, save = unfinished.read(directory, self.get_model_names()) or ({}, None)
        path = osp.join(directory, unfinished.NAME)
        found = {name: (path, state) for name, state in states.items()}
        if save:
            return found, save
        newest = self._newest_epoch(directory)
        epochs = [content["epoch"] for _, content in newest.values()]
        older = any(state["epoch"] < max(epochs, default=0) for state in states.values())
        return (newest if older or not found else found), None

    def _newest_epoch(self, directory: str) -> Found:
        """Checkpoints of the newest epoch that all models have; empty if one has none."""
        newest: Found = {}
        for name in self.get_model_names():
            if (found := newest_readable(osp.join(directory, name))) is None:
                return {}
            newest[name] = found
        epoch = min((content["epoch"] for _, content in newest.values()), default=0)
        for name, (_, content) in newest.items():
            if content["epoch"] != epoch:  # killed between the files of two models
                path = osp.join(directory, name, f"model.pth.tar-{epoch}")
                newest[name] = path, load_training_checkpoint(path)
        return newest

    def _restore_rest(self, checkpoint: dict[str, Any]) -> None:
        """State that files of Dassl.pytorch do not contain."""
        if "random_state" in checkpoint:
            own = {"best_result": getattr(self, "best_result", None), "random_state": _generators()}
            check_kinds(checkpoint, own, "its")
            self.best_result = checkpoint["best_result"]
            self.load_training_state(checkpoint["trainer_state"])
            restore_random_state(checkpoint["random_state"])

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        """Load each model's weights of an epoch, or those of the best one.

        Raises:
            FileNotFoundError: there is no such checkpoint.
            ValueError: it is damaged, or does not fit these models.
        """
        if not directory:
            print(
                "Note that load_model() is skipped as no pretrained model is given "
                "(ignore this if it's done on purpose)"
            )
            return
        file = BEST if epoch is None else f"model.pth.tar-{epoch}"
        for name in self.get_model_names():
            path = osp.join(directory, name, file)
            checkpoint = load_training_checkpoint(path)
            done, result = checkpoint["epoch"], checkpoint.get("val_result")
            result = f"{result:.1f}" if isinstance(result, int | float) else result
            print(f"Load {path} to {name} (epoch={done}, val_result={result})")
            with fitting(path):
                self._models[name].load_state_dict(checkpoint["state_dict"])

    def set_model_mode(self, mode: str = "train", names: str | Sequence[str] | None = None) -> None:
        """Switch models to `train`, or to `eval` (`test` means the same).

        Raises:
            KeyError: another mode.
        """
        if mode not in ("train", "eval", "test"):
            raise KeyError(f"mode is {mode!r}; choose one of train, eval, test")
        for name in self.get_model_names(names):
            self._models[name].train(mode == "train")

    def update_lr(self, names: str | Sequence[str] | None = None) -> None:
        """Step the schedulers."""
        for name in self.get_model_names(names):
            if self._scheds[name] is not None:
                self._scheds[name].step()

    def get_current_lr(self, names: str | Sequence[str] | None = None) -> float:
        """The learning rate of the first model's first parameter group."""
        return self._optims[self.get_model_names(names)[0]].param_groups[0]["lr"]

    def detect_anomaly(self, loss: Tensor) -> None:
        """
        Raises:
            FloatingPointError: the loss is infinite or NaN.
        """
        if not torch.isfinite(loss).all():
            raise FloatingPointError("Loss is infinite or NaN!")

    def model_zero_grad(self, names: str | Sequence[str] | None = None) -> None:
        for name in self.get_model_names(names):
            if self._optims[name] is not None:
                self._optims[name].zero_grad()

    def model_backward(self, loss: Tensor) -> None:
        self.detect_anomaly(loss)
        loss.backward()

    def model_update(self, names: str | Sequence[str] | None = None) -> None:
        for name in self.get_model_names(names):
            if self._optims[name] is not None:
                self._optims[name].step()

    def model_backward_and_update(
        self, loss: Tensor, names: str | Sequence[str] | None = None
    ) -> None:
        self.model_zero_grad(names)
        self.model_backward(loss)
        self.model_update(names)


def _generators() -> dict[str, Any]:
    """A random state to compare with; a run may continue on another number of GPUs."""
    return {key: value for key, value in random_state().items() if key != "cuda"}


def _check_unfinished(loop: dict[str, Any]) -> None:
    """Try what the loop of the epoch will do with its state; the random state is restored later."""
    check_kinds(loop, {"batch": 0, "at_start": _generators(), "losses": {}}, "unfinished")
    restore_random_state(loop["at_start"])
    meters = MetricMeter()
    meters.load_state_dict(loop["losses"])
    str(meters)
