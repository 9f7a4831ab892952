"""What Dassl.pytorch 0.6.3 lacks: a trainer's own state in its checkpoints, schedules that resume.

With the bundled engine `Trainer` is its TrainerX.
"""

import os.path as osp
import warnings
from typing import TYPE_CHECKING, Any

from dassl.engine import TrainerX
from dassl.optim import build_lr_scheduler
from dassl.utils import save_checkpoint

from promptsrc.checkpoint import read_checkpoint


class _TrainerWithState(TrainerX):
    """Writes `training_state()` beside the five keys of each checkpoint, and reads it on resume.

    A schedule that Dassl.pytorch resumes drives the optimizer pickled with it, so a new one
    replaces it.
    """

    def save_model(
        self,
        epoch: int,
        directory: str,
        is_best: bool = False,
        val_result: Any = None,
        model_name: str = "",
    ) -> None:
        for name in self.get_model_names():
            optimizer, schedule = self._optims[name], self._scheds[name]
            state = {
                "state_dict": self._models[name].state_dict(),
                "epoch": epoch + 1,
                "optimizer": optimizer.state_dict() if optimizer else None,
                "scheduler": schedule.state_dict() if schedule else None,
                "val_result": val_result,
                "trainer_state": self.training_state(),
            }
            save_checkpoint(
                state, osp.join(directory, name), is_best=is_best, model_name=model_name
            )

    def resume_model_if_exist(self, directory: str) -> int:
        epoch = super().resume_model_if_exist(directory)
        if epoch:
            name = self.get_model_names()[0]
            checkpoint = read_checkpoint(osp.join(directory, name, f"model.pth.tar-{epoch}"))
            if "trainer_state" in checkpoint:
                self.load_training_state(checkpoint["trainer_state"])
            self._renew_schedule(name, epoch)
        return epoch

    def _renew_schedule(self, name: str, epochs: int) -> None:
        """Build the schedule of the live optimizer again, and step it past the epochs done."""
        optimizer = self._optims[name]
        assert optimizer is not None
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self._scheds[name] = build_lr_scheduler(optimizer, self.cfg.OPTIM)
        with warnings.catch_warnings():  # the optimizer's steps were those of the earlier run
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
            for _ in range(epochs):
                self._scheds[name].step()


if TYPE_CHECKING or hasattr(TrainerX, "training_state"):  # noqa: SIM108 (mypy follows an if)
    Trainer = TrainerX
else:
    Trainer = _TrainerWithState
