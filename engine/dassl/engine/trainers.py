"""The loop over the batches of an epoch, with its log."""

import datetime
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor

from dassl.engine.trainer import SimpleTrainer
from dassl.utils.meters import AverageMeter, MetricMeter


class _Progress:
    """Times batches and prints the log's lines."""

    def __init__(self, trainer: SimpleTrainer):
        self.trainer, self.losses = trainer, MetricMeter()
        self.time, self.data = AverageMeter(), AverageMeter()

    def batches(self, loader: Iterable[Any]) -> Iterator[Any]:
        """The loader's batches, numbered in `trainer.batch_idx`."""
        end = time.time()
        for self.trainer.batch_idx, batch in enumerate(loader):
            self.data.update(time.time() - end)
            yield batch
            self.time.update(time.time() - end)
            end = time.time()
            every, batches = self.trainer.cfg.TRAIN.PRINT_FREQ, self.trainer.num_batches
            if (self.trainer.batch_idx + 1) % every == 0 or batches < every:
                self._log()

    def record(self, losses: Mapping[str, float | Tensor] | None) -> None:
        self.losses.update(losses)

    def _log(self) -> None:
        """To the terminal and TensorBoard; here the meters are read, and the host waits for their sums."""
        t = self.trainer
        done, step = t.batch_idx + 1, t.epoch * t.num_batches + t.batch_idx
        for name, meter in self.losses.meters.items():
            t.write_scalar(f"train/{name}", meter.avg, step)
        t.write_scalar("train/lr", t.get_current_lr(), step)
        left = t.num_batches - done + (t.max_epoch - t.epoch - 1) * t.num_batches
        print(
            f"epoch [{t.epoch + 1}/{t.max_epoch}] batch [{done}/{t.num_batches}] "
            f"time {self.time.val:.3f} ({self.time.avg:.3f}) data {self.data.val:.3f} ({self.data.avg:.3f}) "
            f"{self.losses} lr {t.get_current_lr():.4e} eta {datetime.timedelta(seconds=int(self.time.avg * left))}"
        )


class TrainerX(SimpleTrainer):
    """Trains on labelled batches."""

    def run_epoch(self) -> None:
        self.set_model_mode("train")
        progress = _Progress(self)
        self.num_batches = len(self.train_loader_x)
        for batch in progress.batches(self.train_loader_x):
            progress.record(self.forward_backward(batch))

    def parse_batch_train(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
        return batch["img"].to(self.device), batch["label"].to(self.device), batch["domain"].to(self.device)


class TrainerXU(SimpleTrainer):
    """Trains on a labelled and an unlabelled batch at a time; TRAIN.COUNT_ITER says whose batches make an epoch."""

    def run_epoch(self) -> None:
        self.set_model_mode("train")
        progress = _Progress(self)
        lengths = {"train_x": len(self.train_loader_x), "train_u": len(self.train_loader_u)}
        lengths["smaller_one"] = min(lengths.values())
        if self.cfg.TRAIN.COUNT_ITER not in lengths:
            raise ValueError(f"TRAIN.COUNT_ITER is {self.cfg.TRAIN.COUNT_ITER!r}; choose one of {', '.join(lengths)}")
        self.num_batches = lengths[self.cfg.TRAIN.COUNT_ITER]
        pairs = zip(_endless(self.train_loader_x), _endless(self.train_loader_u), range(self.num_batches), strict=False)
        for batch_x, batch_u, _ in progress.batches(pairs):
            progress.record(self.forward_backward(batch_x, batch_u))

    def parse_batch_train(
        self, batch_x: dict[str, Any], batch_u: dict[str, Any]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return (
            batch_x["img"].to(self.device),
            batch_x["label"].to(self.device),
            batch_x["domain"].to(self.device),
            batch_u["img"].to(self.device),
        )


def _endless(loader: Iterable[Any]) -> Iterator[Any]:
    while True:
        yield from loader
