"""What every trainer does: models by name, checkpoints, the order of a training, tests."""

import datetime
import os.path as osp
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm
from yacs.config import CfgNode

from dassl.data import DataManager
from dassl.engine.random_state import random_state, restore_random_state
from dassl.engine.settings import check_settings
from dassl.evaluation import build_evaluator
from dassl.utils.checksum import remove, verify, write_with_checksum
from dassl.utils.signals import Stopped, StopSignals
from dassl.utils.tools import mkdir_if_missing, tolist_if_not
from dassl.utils.torchtools import (
    UNFINISHED,
    checkpoints,
    fitting,
    load_training_checkpoint,
    newest_readable,
    read_unfinished,
    restore,
    save_checkpoint,
    save_unfinished,
)

BEST = "model-best.pth.tar"


class SimpleNet(nn.Module):
    """Stands where Dassl.pytorch has its CNN zoo, so that imports work."""

    def __init__(self, *_: Any, **__: Any):
        super().__init__()
        raise NotImplementedError("SimpleNet and its CNN backbones belong to Dassl.pytorch; this engine has none")


class TrainerBase:
    """Registered models with their optimizers and schedules, and the loop over epochs."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, nn.Module] = OrderedDict()
        self._optims: OrderedDict[str, torch.optim.Optimizer | None] = OrderedDict()
        self._scheds: OrderedDict[str, Any] = OrderedDict()
        self._writer: Any = None
        self.stop_signals = StopSignals()
        self.saved_at = time.monotonic()
        self.unfinished: dict[str, Any] | None = None  # the loop's state in the epoch that a resumed run begins in

    def register_model(
        self, name: str = "model", model: nn.Module = None, optim: Any = None, sched: Any = None
    ) -> None:
        """Make a model known: it is saved, loaded, resumed and switched between modes under its name.

        Raises:
            RuntimeError: the trainer's `__init__` has not run yet.
            KeyError: the name is taken.
        """
        if "_models" not in self.__dict__:
            raise RuntimeError("call super().__init__() before register_model()")
        if name in self._models:
            raise KeyError(f"a model named {name!r} is registered already")
        self._models[name], self._optims[name], self._scheds[name] = model, optim, sched

    def get_model_names(self, names: str | Sequence[str] | None = None) -> list[str]:
        """All registered names, or the given ones.

        Raises:
            KeyError: one of them is not registered.
        """
        if names is None:
            return list(self._models)
        names = tolist_if_not(names)
        for name in names:
            if name not in self._models:
                raise KeyError(f"no model named {name!r}; registered: {', '.join(self._models) or 'none'}")
        return names

    def training_state(self) -> dict[str, Any]:
        """What a resumed run needs besides models, optimizers, schedules and random states; tensors and plain types."""
        return {}

    def load_training_state(self, state: dict[str, Any]) -> None:
        """Take up what `training_state` gave."""

    def save_model(
        self, epoch: int, directory: str, is_best: bool = False, val_result: Any = None, model_name: str = ""
    ) -> None:
        """Write a checkpoint of each model into its own folder; `epoch` counts from 0."""
        for name in self.get_model_names():
            state = self._state(name, epoch + 1, val_result)
            save_checkpoint(state, osp.join(directory, name), is_best=is_best, model_name=model_name)
        for name in self.get_model_names():  # now that all are at this epoch's end
            remove(osp.join(directory, name, UNFINISHED))
        self.saved_at = time.monotonic()

    def save_unfinished(self, loop: dict[str, Any]) -> None:
        """Write the state within an epoch: besides that of a checkpoint, how far the loop is (tensors and plain types)."""
        for name in self.get_model_names():
            state = self._state(name, self.epoch) | {"unfinished": loop}
            save_unfinished(state, osp.join(self.output_dir, name))
        self.saved_at = time.monotonic()

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
        """Go on from the newest state that all models have; returns the number of epochs done.

        That is an epoch's checkpoint, or a step within the epoch behind it (`save_unfinished`).

        Raises:
            ValueError: no checkpoint of a model is readable, or it does not fit these models.
        """
        found = self._newest_epoch(directory)
        epoch = next(iter(found.values()))[1]["epoch"] if found else 0
        if unfinished := self._newest_unfinished(directory, epoch):
            found = unfinished
        if not found:
            print("No checkpoint found, train from scratch")
            return 0
        for name, (path, checkpoint) in found.items():
            with fitting(path):
                restore(checkpoint, self._models[name], self._optims[name], self._scheds[name])
        with fitting(path):
            self._restore_rest(checkpoint)
        self.unfinished = checkpoint.get("unfinished")
        epoch, batch = checkpoint["epoch"], f", batch = {self.unfinished['batch']}" if self.unfinished else ""
        print(f'Found checkpoint in "{directory}". Will resume training (epoch = {epoch}{batch})')
        return epoch

    def _newest_epoch(self, directory: str) -> dict[str, tuple[str, dict[str, Any]]]:
        """Path and content by model, all of the same epoch; empty where a model has none."""
        newest = {name: newest_readable(osp.join(directory, name)) for name in self.get_model_names()}
        if None in newest.values():
            return {}
        epoch = min((content["epoch"] for _, content in newest.values()), default=0)
        for name, (_, content) in newest.items():
            if content["epoch"] != epoch:  # a kill between two files leaves one model an epoch ahead
                path = osp.join(directory, name, f"model.pth.tar-{epoch}")
                newest[name] = path, load_training_checkpoint(path)
        return newest

    def _newest_unfinished(self, directory: str, epoch: int) -> dict[str, tuple[str, dict[str, Any]]]:
        """Path and content by model, all of the same step behind `epoch` epochs; else empty."""
        paths = {name: osp.join(directory, name) for name in self.get_model_names()}
        states = {name: (osp.join(path, UNFINISHED), read_unfinished(path)) for name, path in paths.items()}
        steps = {content and (content["epoch"], content["unfinished"]["batch"]) for _, content in states.values()}
        same = len(steps) == 1 and None not in steps
        return states if same and min(steps)[0] >= epoch else {}

    def _restore_rest(self, checkpoint: dict[str, Any]) -> None:
        """What files of Dassl.pytorch do not have."""
        if "random_state" in checkpoint:
            self.best_result = checkpoint["best_result"]
            self.load_training_state(checkpoint["trainer_state"])
            restore_random_state(checkpoint["random_state"])

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        """Load each model's weights: of an epoch, or the best ones.

        Raises:
            FileNotFoundError: there is no such checkpoint.
            ValueError: it is damaged, or does not fit these models.
        """
        if not directory:
            print("Note that load_model() is skipped as no pretrained model is given")
            return
        file = BEST if epoch is None else f"model.pth.tar-{epoch}"
        for name in self.get_model_names():
            path = osp.join(directory, name, file)
            checkpoint = load_training_checkpoint(path)
            print(f'Loading weights to {name} from "{path}" (epoch = {checkpoint["epoch"]})')
            with fitting(path):
                self._models[name].load_state_dict(checkpoint["state_dict"])

    def set_model_mode(self, mode: str = "train", names: str | Sequence[str] | None = None) -> None:
        """Switch models to `train`, or to `eval` (`test` is the same).

        Raises:
            KeyError: another mode.
        """
        if mode not in ("train", "eval", "test"):
            raise KeyError(f"mode {mode!r} is none of train, eval, test")
        for name in self.get_model_names(names):
            self._models[name].train(mode == "train")

    def update_lr(self, names: str | Sequence[str] | None = None) -> None:
        """Step the schedules."""
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

    def model_backward_and_update(self, loss: Tensor, names: str | Sequence[str] | None = None) -> None:
        self.model_zero_grad(names)
        self.model_backward(loss)
        self.model_update(names)

    def init_writer(self, log_dir: str) -> None:
        """Open a TensorBoard log, once."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter  # slow to import, and tests without training need none

            print(f"Initialize tensorboard (log_dir={log_dir})")
            self._writer = SummaryWriter(log_dir=log_dir)

    def close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def write_scalar(self, tag: str, scalar_value: float, global_step: int | None = None) -> None:
        if self._writer is not None:
            self._writer.add_scalar(tag, scalar_value, global_step)

    def train(self, start_epoch: int, max_epoch: int) -> None:
        self.start_epoch, self.max_epoch = start_epoch, max_epoch
        self.before_train()
        with self.stop_signals.awaited():
            for epoch in range(self.start_epoch, self.max_epoch):
                self.epoch = epoch
                self.before_epoch()
                self.run_epoch()
                self.after_epoch()
                if self.stop_signals.asked:
                    raise Stopped(f"{self.stop_signals.asked} behind epoch {epoch + 1}; the epoch is saved")
        self.after_train()

    def before_train(self) -> None: ...

    def after_train(self) -> None: ...

    def before_epoch(self) -> None: ...

    def after_epoch(self) -> None: ...

    def run_epoch(self) -> None:
        raise NotImplementedError

    def test(self) -> Any:
        raise NotImplementedError

    def parse_batch_train(self, batch: Any) -> Any:
        raise NotImplementedError

    def parse_batch_test(self, batch: Any) -> Any:
        raise NotImplementedError

    def forward_backward(self, batch: Any) -> dict[str, float | Tensor]:
        raise NotImplementedError

    def model_inference(self, input: Any) -> Any:
        raise NotImplementedError


class SimpleTrainer(TrainerBase):
    """Data, device and evaluator from a configuration; when to validate, save, deploy and test."""

    def __init__(self, cfg: CfgNode):
        super().__init__()
        check_settings(cfg)
        self.check_cfg(cfg)
        self.device = torch.device("cuda" if torch.cuda.is_available() and cfg.USE_CUDA else "cpu")
        self.start_epoch = self.epoch = 0
        self.max_epoch = cfg.OPTIM.MAX_EPOCH
        self.output_dir = cfg.OUTPUT_DIR
        self.cfg = cfg
        self.build_data_loader()
        self.build_model()
        self.evaluator = build_evaluator(cfg, lab2cname=self.lab2cname)
        self.best_result = float("-inf")

    def check_cfg(self, cfg: CfgNode) -> None:
        """A plug-in's own checks of the configuration."""

    def build_data_loader(self) -> None:
        dm = DataManager(self.cfg)
        self.dm = dm
        self.train_loader_x, self.train_loader_u = dm.train_loader_x, dm.train_loader_u
        self.val_loader, self.test_loader = dm.val_loader, dm.test_loader
        self.num_classes, self.num_source_domains = dm.num_classes, dm.num_source_domains
        self.lab2cname = dm.lab2cname

    def build_model(self) -> None:
        raise NotImplementedError("a trainer builds and registers its model in build_model()")

    def train(self) -> None:
        super().train(self.start_epoch, self.max_epoch)

    def before_train(self) -> None:
        names = self.get_model_names()
        if not self.cfg.RESUME or all(_is_resumable(osp.join(self.output_dir, name)) for name in names):
            self.start_epoch = self.resume_model_if_exist(self.output_dir)
        else:  # once it has saved here, the same command goes on from here
            self._check_resumable(self.cfg.RESUME)
            self.start_epoch = self.resume_model_if_exist(self.cfg.RESUME)
            self._take_over_best(self.cfg.RESUME)
        self._complete(self.start_epoch)
        summary = osp.join(self.output_dir, "tensorboard")
        mkdir_if_missing(summary)
        self.init_writer(summary)
        self.time_start = time.time()  # of the whole run, for the line at its end

    def _check_resumable(self, folder: str) -> None:
        """
        Raises:
            FileNotFoundError: no run of this trainer has left a checkpoint there.
        """
        for name in self.get_model_names():
            if not _is_resumable(osp.join(folder, name)):
                raise FileNotFoundError(
                    f"nothing to resume in {folder}: a run of {self.cfg.TRAINER.NAME} leaves {name}/checkpoint there, "
                    "and the file that it names"
                )

    def _take_over_best(self, folder: str) -> None:
        """The best epoch so far may be one of the run that is resumed.

        Raises:
            ValueError: its file is damaged.
        """
        for name in self.get_model_names():
            there, here = osp.join(folder, name, BEST), osp.join(self.output_dir, name, BEST)
            if osp.isfile(there) and not osp.isfile(here):
                mkdir_if_missing(osp.dirname(here))
                verify(there)
                write_with_checksum(Path(there).read_bytes(), here)

    def _complete(self, epochs_done: int) -> None:
        """Write the last done epoch's file where it is due and not there: a kill came behind the best epoch's, or --resume."""
        file = f"model.pth.tar-{epochs_done}"
        there = all(osp.isfile(osp.join(self.output_dir, name, file)) for name in self.get_model_names())
        if epochs_done and not self.unfinished and not there and self._is_due(epochs_done):
            self.save_model(epochs_done - 1, self.output_dir)

    def _is_due(self, epochs_done: int) -> bool:
        every = self.cfg.TRAIN.CHECKPOINT_FREQ
        return epochs_done == self.max_epoch or (every > 0 and epochs_done % every == 0)

    def after_train(self) -> None:
        print("Finish training")
        if not self.cfg.TEST.NO_TEST:
            if self.cfg.TEST.FINAL_MODEL == "best_val":
                print("Deploy the model with the best val performance")
                self.load_model(self.output_dir)
            else:
                print("Deploy the last-epoch model")
            self.test()
        elapsed = datetime.timedelta(seconds=round(time.time() - self.time_start))
        print(f"Elapsed: {elapsed}")
        self.close_writer()

    def after_epoch(self) -> None:
        if not self.cfg.TEST.NO_TEST and self.cfg.TEST.FINAL_MODEL == "best_val":
            self._keep_best(self.test(split="val"))
        if self.stop_signals.asked or self._is_due(self.epoch + 1):
            self.save_model(self.epoch, self.output_dir)

    def _keep_best(self, result: float) -> None:
        if result > self.best_result:
            self.best_result = result
            self.save_model(self.epoch, self.output_dir, val_result=result, model_name=BEST)

    @torch.no_grad()
    def test(self, split: str | None = None) -> float:
        """Evaluate on TEST.SPLIT or the given one (without `val`: on test); returns the first result."""
        self.set_model_mode("eval")
        self.evaluator.reset()
        split = split or self.cfg.TEST.SPLIT
        if split == "val" and self.val_loader is not None:
            loader = self.val_loader
        else:
            split, loader = "test", self.test_loader
        print(f"Evaluate on the *{split}* set")
        for batch in tqdm(loader, disable=None):  # no bar where no terminal watches
            images, labels = self.parse_batch_test(batch)
            self.evaluator.process(self.model_inference(images), labels)
        results = self.evaluator.evaluate()
        for name, value in results.items():
            self.write_scalar(f"{split}/{name}", value, self.epoch)
        return next(iter(results.values()))

    def model_inference(self, input: Any) -> Any:
        return self.model(input)

    def parse_batch_test(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        return batch["img"].to(self.device), batch["label"].to(self.device)


def _is_resumable(folder: str) -> bool:
    """Whether a model's folder holds a state to go on from."""
    return bool(checkpoints(folder)) or read_unfinished(folder) is not None
