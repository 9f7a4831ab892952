"""Trainers: the order of a training, when to validate, save, deploy and test.

TrainerBase     epochs, stop signals, TensorBoard
SimpleTrainer   data, device and evaluator from a configuration
TrainerX        an epoch of labelled batches
TrainerXU       an epoch of labelled and unlabelled batches
"""

import datetime
import os.path as osp
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice, repeat
from typing import Any

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from yacs.config import CfgNode

from dassl.config import complete
from dassl.data import DataManager
from dassl.data.loader import killed_on_failure
from dassl.elsewhere import names_of
from dassl.engine.check_config import check_config
from dassl.engine.loop import Bar, train_epoch
from dassl.engine.model_manager import ModelManager
from dassl.engine.run_writer import RunWriter
from dassl.engine.simple_net import SimpleNet
from dassl.evaluation import build_evaluator
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import (
    count_num_param,
    load_pretrained_weights,
    mkdir_if_missing,
    model_folder,
    unfinished,
)
from dassl.utils.model_folder import BEST
from dassl.utils.signals import Stopped, StopSignals
from dassl.utils.torchtools import checkpoints, load_training_checkpoint

__getattr__ = names_of(__name__)


class TrainerBase(ModelManager):
    """The loop over epochs."""

    num_batches: int  # of an epoch
    batch_idx: int  # counts from 0

    def __init__(self) -> None:
        super().__init__()
        self._writer: SummaryWriter | None = None
        self.stop_signals = StopSignals()

    def init_writer(self, log_dir: str) -> None:
        """Open a TensorBoard log, once."""
        if self._writer is None:
            print(f"Initialize tensorboard (log_dir={log_dir})")
            self._writer = RunWriter(log_dir)

    def close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def write_scalar(self, tag: str, scalar_value: float, global_step: int | None = None) -> None:
        if self._writer is not None:
            self._writer.add_scalar(tag, scalar_value, global_step)

    def train(self, start_epoch: int, max_epoch: int) -> None:
        """Train the epochs from `start_epoch`, which counts from 0.

        Raises:
            Stopped: a signal asked for it, or a loading process was killed.
        """
        self.start_epoch, self.max_epoch = start_epoch, max_epoch
        self.before_train()
        with self.stop_signals.awaited(), killed_on_failure():
            for epoch in range(self.start_epoch, self.max_epoch):
                if self.out_of_patience(epoch):
                    break
                self.epoch = epoch
                self.before_epoch()
                self.run_epoch()
                self.after_epoch()
                if asked := self.stop_signals.asked:
                    raise Stopped(f"{asked} after epoch {epoch + 1}; the epoch is saved")
        self.after_train()

    def out_of_patience(self, epochs_done: int) -> bool:
        """Whether to stop before the last epoch."""
        return False

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

    def forward_backward(self, batch: Any) -> Mapping[str, float | Tensor]:
        raise NotImplementedError

    def model_inference(self, input: Any) -> Any:
        raise NotImplementedError


class SimpleTrainer(TrainerBase):
    """Builds data, device, models and evaluator from a configuration.

    Raises:
        ValueError: a value of the configuration is not allowed.
    """

    model: Any  # what model_inference() calls
    num_batches: int  # in this epoch
    batch_idx: int  # of num_batches, from 0

    def __init__(self, cfg: CfgNode):
        super().__init__()
        complete(cfg)
        names = vars(SimpleTrainer)
        check_config(cfg, [n for n in names if getattr(type(self), n) is not names[n]])
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
        self.use_data(DataManager(self.cfg))

    def use_data(self, dm: DataManager) -> None:
        """Train and test with its loaders."""
        self.dm = dm
        self.train_loader_x, self.train_loader_u = dm.train_loader_x, dm.train_loader_u
        self.val_loader, self.test_loader = dm.val_loader, dm.test_loader
        self.num_classes, self.num_source_domains = dm.num_classes, dm.num_source_domains
        self.lab2cname = dm.lab2cname

    def build_model(self) -> None:
        """A SimpleNet; methods with a network of their own override this."""
        print("Building model")
        self.model = SimpleNet(self.cfg, self.cfg.MODEL, self.num_classes)
        if self.cfg.MODEL.INIT_WEIGHTS:
            load_pretrained_weights(self.model, self.cfg.MODEL.INIT_WEIGHTS)
        self.model.to(self.device)
        print(f"# params: {count_num_param(self.model):,}")
        self.optim = build_optimizer(self.model, self.cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, self.cfg.OPTIM)
        self.register_model("model", self.model, self.optim, self.sched)

    def train(self) -> None:  # type: ignore[override]
        """
        Raises:
            ValueError: a validation part is asked for, and there is none; or patience without one.
        """
        best_val = not self.cfg.TEST.NO_TEST and self.cfg.TEST.FINAL_MODEL == "best_val"
        if self.cfg.TRAIN.PATIENCE and not best_val:
            raise ValueError(
                f"TRAIN.PATIENCE is {self.cfg.TRAIN.PATIENCE}, but no epoch is validated; add "
                "TEST.FINAL_MODEL best_val"
            )
        if not self.cfg.TEST.NO_TEST:
            if self.cfg.TEST.FINAL_MODEL == "best_val":
                self._loader("val", "TEST.FINAL_MODEL is best_val")
                self._note_shared_images()
            self._loader(self.cfg.TEST.SPLIT, f"TEST.SPLIT is {self.cfg.TEST.SPLIT}")
        super().train(self.start_epoch, self.max_epoch)

    def _loader(self, split: str, asked: str) -> Any:
        """The loader of a part.

        Raises:
            ValueError: there is none. (Dassl.pytorch takes the test images then.)
        """
        loader = self.val_loader if split == "val" else self.test_loader
        if loader is None:
            raise ValueError(
                f"{asked}, but dataset {self.cfg.DATASET.NAME} has no {split} part; give it one, "
                "or leave this out"
            )
        return loader

    def _note_shared_images(self) -> None:
        """Say it if the best epoch is chosen on test images; published loaders of ImageNet do."""
        val, test = (
            {item.impath for item in getattr(loader.dataset, "data_source", ())}
            for loader in (self.val_loader, self.test_loader)
        )
        if shared := len(val & test):
            print(
                f"Note: {shared:,} of the {len(val):,} validation images are test images, so the "
                "best epoch is chosen on images of the test"
            )

    def before_train(self) -> None:
        self.check_state()
        resumed = self.cfg.RESUME
        if not resumed or self._without_checkpoint(self.output_dir) is None:
            self.start_epoch = self.resume_model_if_exist(self.output_dir)
        else:  # only until this run has a checkpoint of its own
            if (name := self._without_checkpoint(resumed)) is not None:
                raise FileNotFoundError(
                    f"nothing to resume in {resumed}: a run of {self.cfg.TRAINER.NAME} leaves "
                    f"{name}/checkpoint there, and the file that it names"
                )
            self.start_epoch = self.resume_model_if_exist(resumed)
            self._copy_best(resumed)
        self._complete(self.start_epoch)
        self.epoch = max(self.start_epoch - 1, 0)  # of a test, if no epoch is left to train
        summary = osp.join(self.output_dir, "tensorboard")
        self.init_writer(summary)
        self.time_start = time.time()

    def _without_checkpoint(self, directory: str) -> str | None:
        """A model that has nothing to resume from in this directory; None if all have."""
        names = self.get_model_names()
        if unfinished.read(directory, names):
            return None
        folders = {name: osp.join(directory, name) for name in names}
        return next((name for name in folders if not checkpoints(folders[name])), None)

    def _copy_best(self, resumed: str) -> None:
        """The best epoch so far may be one of the run that is resumed.

        Raises:
            ValueError: its file is damaged.
        """
        for name in self.get_model_names():
            theirs, ours = osp.join(resumed, name, BEST), osp.join(self.output_dir, name)
            if osp.isfile(theirs) and not osp.isfile(osp.join(ours, BEST)):
                mkdir_if_missing(ours)
                model_folder.write(ours, {BEST: model_folder.read(theirs)})

    def _complete(self, epochs_done: int) -> None:
        """Write the checkpoint of the epoch resumed from if it is due here but missing.

        It is missing if the run was killed just before writing it, or resumes another one.
        """
        paths = [
            osp.join(self.output_dir, name, f"model.pth.tar-{epochs_done}")
            for name in self.get_model_names()
        ]
        missing = not all(map(osp.isfile, paths))
        if epochs_done and not self.unfinished and missing and self._is_due(epochs_done):
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
            self._save_if_best(self.test(split="val"))
        if self.stop_signals.asked or self._is_due(self.epoch + 1):
            self.save_model(self.epoch, self.output_dir)

    def out_of_patience(self, epochs_done: int) -> bool:
        """Whether the last TRAIN.PATIENCE epochs have not raised the validation accuracy."""
        patience = self.cfg.TRAIN.PATIENCE
        if not patience or epochs_done < patience:
            return False
        paths = (osp.join(self.output_dir, name, BEST) for name in self.get_model_names())
        best = next(paths, "")
        if not osp.isfile(best):
            return False
        best_epoch = load_training_checkpoint(best)["epoch"]
        if epochs_done - best_epoch < patience:
            return False
        print(
            f"Stop after epoch {epochs_done}: epoch {best_epoch} has the best validation accuracy "
            f"(TRAIN.PATIENCE {patience})"
        )
        return True

    def _save_if_best(self, result: float) -> None:
        if result > self.best_result:
            self.best_result = result
            self.save_model(self.epoch, self.output_dir, val_result=result, model_name=BEST)

    @torch.no_grad()
    def test(self, split: str | None = None, **ignored: Any) -> float:
        """Evaluate on the part "val", or "test" for any other `split`; the first result.

        Without `split` it is TEST.SPLIT. Other keywords are of forks of Dassl.pytorch, and ignored.

        Raises:
            ValueError: there is no such part.
        """
        if ignored:
            print(f"Note: test() ignores {', '.join(ignored)}")
        self.set_model_mode("eval")
        self.evaluator.reset()
        asked = "a test is asked for" if split else f"TEST.SPLIT is {self.cfg.TEST.SPLIT}"
        split = split or self.cfg.TEST.SPLIT
        split = split if split == "val" else "test"  # as on Dassl.pytorch
        loader = self._loader(split, asked)
        print(f"Evaluate on the *{split}* set")
        batches = iter(loader)
        with killed_on_failure():
            for batch in Bar(batches, total=len(loader)):
                images, labels = self.parse_batch_test(batch)
                self.evaluator.process(self.model_inference(images), labels)
        results = self.evaluator.evaluate()
        for name, value in results.items():
            self.write_scalar(f"{split}/{name}", value, self.epoch)
        return next(iter(results.values()))

    def model_inference(self, input: Any) -> Any:
        return self.model(input)

    def parse_batch_test(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Images and labels, on the device."""
        return batch["img"].to(self.device), batch["label"].to(self.device)


class TrainerX(SimpleTrainer):
    """Trains on labelled batches."""

    def run_epoch(self) -> None:
        self.set_model_mode("train")
        self.num_batches = len(self.train_loader_x)
        train_epoch(self, self.train_loader_x, self.forward_backward)

    def parse_batch_train(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
        """Images, labels and domains, on the device."""
        image, label, domain = (batch[key].to(self.device) for key in ("img", "label", "domain"))
        return image, label, domain


class TrainerXU(SimpleTrainer):
    """Trains on a labelled and an unlabelled batch a step; TRAIN.COUNT_ITER sets the steps.

    The shorter loader starts again within an epoch. Its order then depends on what the steps drew
    at random, so a run stopped after that point resumes with another order.
    """

    def run_epoch(self) -> None:
        self.set_model_mode("train")
        lengths = {"train_x": len(self.train_loader_x), "train_u": len(self.train_loader_u)}
        lengths["smaller_one"] = min(lengths.values())
        if (choice := self.cfg.TRAIN.COUNT_ITER) not in lengths:
            raise ValueError(f"TRAIN.COUNT_ITER is {choice!r}; choose one of {', '.join(lengths)}")
        self.num_batches = lengths[choice]
        pairs = _Pairs(self.train_loader_x, self.train_loader_u, self.num_batches)
        train_epoch(self, pairs, lambda pair: self.forward_backward(*pair))

    def parse_batch_train(  # type: ignore[override]
        self, batch_x: dict[str, Any], batch_u: dict[str, Any]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Labelled images, their labels, unlabelled images; on the device."""
        image, label = batch_x["img"].to(self.device), batch_x["label"].to(self.device)
        return image, label, batch_u["img"].to(self.device)


class _Pairs:
    """`count` batches of each of two loaders; both draw their seeds before their first batches."""

    def __init__(self, x: Iterable[Any], u: Iterable[Any], count: int):
        self.loaders, self.count = (x, u), count

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        endless = [chain(iter(each), chain.from_iterable(repeat(each))) for each in self.loaders]
        return islice(zip(*endless, strict=True), self.count)
