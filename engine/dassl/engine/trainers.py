"""The loop over the batches of an epoch, with its log."""

import datetime
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from torch import Tensor
from tqdm import tqdm

from dassl.data.loader import LoadingProcessKilled
from dassl.engine.random_state import random_state, restore_random_state
from dassl.engine.trainer import SimpleTrainer
from dassl.utils.meters import AverageMeter, MetricMeter
from dassl.utils.signals import Stopped


class _Bar(tqdm):
    """On standard error where a terminal watches, so that no log holds it; gone when it is done, or what it counts has failed."""

    monitor_interval = 0  # without tqdm's thread, for the loader forks its workers anew each epoch

    def __init__(self, batches: Iterable[Any], trainer: SimpleTrainer):
        said, done = (
            f"epoch {trainer.epoch + 1}/{trainer.max_epoch}",
            (trainer.unfinished or {}).get("batch", 0),
        )
        super().__init__(
            batches, said, trainer.num_batches, leave=False, disable=None, initial=done
        )


class _Progress:
    """Numbers and times the batches of an epoch, prints the log's lines, and saves on the way."""

    def __init__(self, trainer: SimpleTrainer):
        self.trainer, self.losses = trainer, MetricMeter()
        self.time, self.data = AverageMeter(), AverageMeter()

    def batches(self, loader: Iterable[Any]) -> Iterator[Any]:
        """The loader's batches, numbered in `trainer.batch_idx`; behind those that an earlier run has done in this epoch.

        Raises:
            Stopped: a signal asked to; the state is saved.
        """
        trainer, bar = self.trainer, _Bar(self._remaining(loader), self.trainer)
        end = time.time()
        for trainer.batch_idx, batch in bar:
            self.data.update(time.time() - end)
            yield batch
            self.time.update(time.time() - end)
            end = time.time()
            every, batches = trainer.cfg.TRAIN.PRINT_FREQ, trainer.num_batches
            if (trainer.batch_idx + 1) % every == 0 or batches < every:
                with _Bar.external_write_mode():  # the bar makes room for the line
                    self._log()
            if trainer.batch_idx + 1 < batches:  # behind the last one the epoch is saved
                self._save_or_stop()

    def _remaining(self, loader: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """The order and augmentation of an epoch follow from the random state at its start, so that is where to begin again."""
        unfinished, self.trainer.unfinished = self.trainer.unfinished, None
        if unfinished:
            now = random_state()
            restore_random_state(unfinished["at_start"])
        self.at_start = random_state()
        numbered = enumerate(loader)  # which draws already
        if unfinished:
            deque(
                islice(numbered, unfinished["batch"]), maxlen=0
            )  # the rest of what they draw is drawn
            restore_random_state(now)
            self.losses.load_state_dict(unfinished["losses"])
        done = unfinished["batch"] if unfinished else 0
        try:
            for index, batch in numbered:
                yield index, batch
                done = index + 1
        except LoadingProcessKilled as killed:
            self._save(done)
            raise LoadingProcessKilled(self._said(str(killed), done)) from killed

    def _save_or_stop(self) -> None:
        """Save where it is time to, or where a signal asks to stop."""
        trainer, minutes = self.trainer, self.trainer.cfg.TRAIN.CHECKPOINT_MINUTES
        asked, done = trainer.stop_signals.asked, trainer.batch_idx + 1
        if asked or 0 < minutes * 60 < time.monotonic() - trainer.saved_at:
            self._save(done)
        if asked:
            raise Stopped(self._said(asked, done))

    def _save(self, done: int) -> None:
        """So that a run resumes in this epoch, after `done` batches."""
        self.trainer.save_unfinished(
            {"batch": done, "at_start": self.at_start, "losses": self.losses.state_dict()}
        )

    def _said(self, reason: str, done: int) -> str:
        trainer = self.trainer
        return f"{reason} in epoch {trainer.epoch + 1} after batch {done} of {trainer.num_batches}; its state is saved"

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
        return (
            batch["img"].to(self.device),
            batch["label"].to(self.device),
            batch["domain"].to(self.device),
        )


class TrainerXU(SimpleTrainer):
    """Trains on a labelled and an unlabelled batch at a time; TRAIN.COUNT_ITER says whose batches make an epoch."""

    def run_epoch(self) -> None:
        self.set_model_mode("train")
        progress = _Progress(self)
        lengths = {"train_x": len(self.train_loader_x), "train_u": len(self.train_loader_u)}
        lengths["smaller_one"] = min(lengths.values())
        if self.cfg.TRAIN.COUNT_ITER not in lengths:
            raise ValueError(
                f"TRAIN.COUNT_ITER is {self.cfg.TRAIN.COUNT_ITER!r}; choose one of {', '.join(lengths)}"
            )
        self.num_batches = lengths[self.cfg.TRAIN.COUNT_ITER]
        pairs = zip(
            _endless(self.train_loader_x),
            _endless(self.train_loader_u),
            range(self.num_batches),
            strict=False,
        )
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
