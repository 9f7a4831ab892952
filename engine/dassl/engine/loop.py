"""One epoch of training: a straight loop over its batches, the log line, the saved state."""

import datetime
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor
from tqdm import tqdm

from dassl.data.loader import LoadingProcessKilled
from dassl.engine.random_state import random_state, restore_random_state
from dassl.utils.meters import AverageMeter, MetricMeter
from dassl.utils.signals import Stopped

if TYPE_CHECKING:
    from dassl.engine.trainer import SimpleTrainer


class Bar(tqdm):
    """A progress bar on standard error, where that is a terminal; logs do not contain it."""

    monitor_interval = 0  # no thread of tqdm's, because the loader forks

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, disable=None, **options)


def train_epoch(
    trainer: "SimpleTrainer",
    loader: Iterable[Any],
    step: Callable[[Any], Mapping[str, float | Tensor] | None],
) -> None:
    """Call `step` on each batch of an epoch and log the losses it returns.

    Raises:
        Stopped: a signal asked for it, or a loading process was killed; the state is saved.
    """
    epoch = _Epoch(trainer)
    batches = epoch.start(loader)
    name = f"epoch {trainer.epoch + 1}/{trainer.max_epoch}"
    try:
        with Bar(desc=name, total=trainer.num_batches, initial=epoch.done, leave=False) as bar:
            end = time.time()
            for batch in batches:
                epoch.data.update(time.time() - end)
                trainer.batch_idx = epoch.done
                epoch.losses.update(step(batch))
                epoch.done += 1
                epoch.time.update(time.time() - end)
                end = time.time()
                bar.update()
                epoch.log_if_due()
                epoch.save_if_due()
    except LoadingProcessKilled as killed:
        epoch.save()
        raise LoadingProcessKilled(epoch.stopped_by(killed)) from killed


class _Epoch:
    """Where an epoch stands: batches done, averages, and the random state it started from."""

    def __init__(self, trainer: "SimpleTrainer"):
        self.trainer = trainer
        self.done = 0
        self.losses, self.time, self.data = MetricMeter(), AverageMeter(), AverageMeter()

    def start(self, loader: Iterable[Any]) -> Iterator[Any]:
        """The batches to train on: all, or those that an interrupted run has left.

        Order and augmentation follow from the random state at the start of the epoch. A resumed
        epoch draws them again from there, up to the batch where it was interrupted.
        """
        now = random_state()
        unfinished, self.trainer.unfinished = self.trainer.unfinished, None
        if unfinished:
            restore_random_state(unfinished["at_start"])
            self.losses.load_state_dict(unfinished["losses"])
            self.done = unfinished["batch"]
        self.at_start = random_state()
        batches = iter(loader)
        if self.done:
            for _ in range(self.done):
                next(batches)
            restore_random_state(now)
        return batches

    def log_if_due(self) -> None:
        """Every PRINT_FREQ batches; here the host waits for the losses of the device."""
        t, every = self.trainer, self.trainer.cfg.TRAIN.PRINT_FREQ
        if self.done % every and t.num_batches >= every:
            return
        step = t.epoch * t.num_batches + t.batch_idx
        for name, meter in self.losses.meters.items():
            t.write_scalar(f"train/{name}", meter.avg, step)
        t.write_scalar("train/lr", t.get_current_lr(), step)
        left = t.num_batches - self.done + (t.max_epoch - t.epoch - 1) * t.num_batches
        eta = datetime.timedelta(seconds=int(self.time.avg * left))
        Bar.write(
            f"epoch [{t.epoch + 1}/{t.max_epoch}] batch [{self.done}/{t.num_batches}] "
            f"time {self.time.val:.3f} ({self.time.avg:.3f}) "
            f"data {self.data.val:.3f} ({self.data.avg:.3f}) "
            f"{self.losses} lr {t.get_current_lr():.4e} eta {eta}"
        )

    def save_if_due(self) -> None:
        """Every CHECKPOINT_MINUTES, and when a signal asked to stop."""
        t, minutes = self.trainer, self.trainer.cfg.TRAIN.CHECKPOINT_MINUTES
        if self.done == t.num_batches:
            return  # the trainer saves the whole epoch
        asked = t.stop_signals.asked
        if asked or 0 < minutes * 60 < time.monotonic() - t.saved_at:
            self.save()
        if asked:
            raise Stopped(self.stopped_by(asked))

    def save(self) -> None:
        losses = self.losses.state_dict()
        state = {"batch": self.done, "at_start": self.at_start, "losses": losses}
        self.trainer.save_unfinished(state)

    def stopped_by(self, reason: object) -> str:
        t = self.trainer
        return (
            f"{reason} in epoch {t.epoch + 1} after batch {self.done} of {t.num_batches}; "
            "its state is saved"
        )
