"""What every trainer does with its models: the order of a training, when to save, tests."""

import datetime
import os.path as osp
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm
from yacs.config import CfgNode

from dassl.data import DataManager
from dassl.engine.models import BEST, Models
from dassl.engine.settings import check_settings
from dassl.evaluation import build_evaluator
from dassl.utils.checksum import verify, write_with_checksum
from dassl.utils.signals import Stopped, StopSignals
from dassl.utils.tools import mkdir_if_missing
from dassl.utils.torchtools import checkpoints, read_unfinished


class SimpleNet(nn.Module):
    """Stands where Dassl.pytorch has its CNN zoo, so that imports work."""

    def __init__(self, *_: Any, **__: Any):
        super().__init__()
        raise NotImplementedError(
            "SimpleNet and its CNN backbones belong to Dassl.pytorch; this engine has none"
        )


class TrainerBase(Models):
    """The loop over epochs."""

    def __init__(self) -> None:
        super().__init__()
        self._writer: Any = None
        self.stop_signals = StopSignals()

    def init_writer(self, log_dir: str) -> None:
        """Open a TensorBoard log, once."""
        if self._writer is None:
            from torch.utils.tensorboard import (
                SummaryWriter,
            )  # slow to import, and tests without training need none

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
                    raise Stopped(
                        f"{self.stop_signals.asked} after epoch {epoch + 1}; the epoch is saved"
                    )
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
        if not self.cfg.RESUME or all(
            _is_resumable(osp.join(self.output_dir, name)) for name in names
        ):
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
        there = all(
            osp.isfile(osp.join(self.output_dir, name, file)) for name in self.get_model_names()
        )
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
