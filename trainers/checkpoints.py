"""How a trainer's prompts are saved, described, loaded and resumed."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from yacs.config import CfgNode

from promptsrc.checkpoint import (
    check_classes,
    check_purpose,
    description_of,
    load_prompts,
    read_checkpoint,
)
from promptsrc.inference.prompt_file import PromptFile, read_learned, write_prompts
from promptsrc.prompts import PromptLearner
from promptsrc.regulation import SelfRegulation
from promptsrc.run_folder import find, newest_name
from promptsrc.schema import check_trainer_state
from promptsrc.weights.names import found_from_anywhere
from trainers import pack
from trainers.cost import Phase
from trainers.dassl_pytorch import Trainer


def kept_epoch(directory: str | os.PathLike, epoch: int) -> Path:
    """The prompts at the end of an epoch of a run with TRAIN.KEEP_EPOCHS, before any average."""
    return Path(directory) / "epochs" / f"prompts-{epoch}.safetensors"


class CheckpointedTrainer(Trainer):
    """Saves what was learned and nothing else, with what it takes to use it anywhere."""

    registered_as: str  # the model's name in Dassl's registry, and so its checkpoint folder
    prompts: PromptLearner
    regulation: SelfRegulation | None
    scaler: torch.amp.GradScaler
    trained_on: list[str] | None = None  # classes of a loaded checkpoint
    loaded: tuple[dict[str, Tensor], dict[str, Any]] | None = None  # of one that names its classes
    training: Phase | None = None  # in this process
    seconds_before: float | None = 0.0  # of the training in earlier ones; None: unknown

    def prompt_settings(self) -> dict[str, Any]:
        raise NotImplementedError

    @property
    def prec(self) -> str:
        """The value of PREC."""
        raise NotImplementedError

    def after_epoch(self) -> None:
        """Save every epoch, so that a kill costs one at most; CHECKPOINT_FREQ decides what stays.

        The newest two always stay, so that a damaged one has one before it.
        """
        super().after_epoch()
        done, every = self.epoch + 1, self.cfg.TRAIN.CHECKPOINT_FREQ
        if not _stays(done, every) and done < self.max_epoch:
            self.save_model(self.epoch, self.output_dir)
        for file in self.checkpoint_path(self.output_dir, done).parent.glob("model.pth.tar-*"):
            epoch = file.name.removeprefix("model.pth.tar-")
            if epoch.isdecimal() and int(epoch) < done - 1 and not _stays(int(epoch), every):
                file.unlink(missing_ok=True)  # including one that a kill before this line left

    def keep_epoch(self) -> None:
        """Write the prompts of this epoch, alone, to a file of its own."""
        path = kept_epoch(self.output_dir, self.epoch + 1)
        path.parent.mkdir(exist_ok=True)
        write_prompts(PromptFile(self.description, self.prompts.state_dict()), path)

    def checkpoint_path(self, directory: str | os.PathLike, epoch: int | None) -> Path:
        """The file of an epoch (None: of the best one) in a run's folder."""
        name = "model-best.pth.tar" if epoch is None else f"model.pth.tar-{epoch}"
        return Path(directory) / self.registered_as / name

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        """Prompts from a run's folder (ours or a reference implementation's), for any class names.

        Raises:
            FileNotFoundError: no such checkpoint; names those that are there.
            ValueError: it does not fit this method.
        """
        if not directory:
            print("Note that load_model() is skipped as no pretrained model is given")
            return
        path = find(directory, "best" if epoch is None else epoch, self.registered_as)
        checkpoint = read_checkpoint(path)
        done = checkpoint["epoch"]
        print(f'Loading weights to {self.registered_as} from "{path}" (epoch = {done})')
        about = description_of(checkpoint)
        load_prompts(self.prompts, checkpoint["state_dict"], path, about)
        self.trained_on = (about or {}).get("classnames")
        self.loaded = (checkpoint["state_dict"], about) if about and self.trained_on else None
        trained = (about or {}).get("input", {}).get("read_as", "stored")
        if trained != (here := self.cfg.INPUT.get("READ_AS") or "stored"):
            print(f"Note: images are read as {here}, in training as {trained} (INPUT.READ_AS)")

    def load_init_weights(self) -> None:
        """Start from the prompts of MODEL.INIT_WEIGHTS, if it is set.

        It names a checkpoint or a run's folder, ours or another implementation's, or a prompt file.

        Raises:
            FileNotFoundError: there is nothing of the kind.
            ValueError: it is damaged, or was trained for another backbone, method or classes.
        """
        source = self.cfg.MODEL.INIT_WEIGHTS
        if not source:
            return
        key = f"MODEL.INIT_WEIGHTS {source}"
        try:
            theirs, tensors = read_learned(os.path.expanduser(source))
        except FileNotFoundError as error:
            raise FileNotFoundError(f"MODEL.INIT_WEIGHTS: {error}") from None
        mine = self.description
        if theirs:
            check_purpose(theirs, mine, key)
        load_prompts(self.prompts, tensors, key, theirs)
        print(f"The prompts start from those in {source} (MODEL.INIT_WEIGHTS)")

    def resume_model_if_exist(self, directory: str) -> int:
        """Resume the run in this folder; returns the number of epochs done.

        Raises:
            ValueError: its file is another implementation's, is for other classes, or lacks the
                prompt average of the epochs so far.
        """
        self._check_resumable(directory)
        self._start_with_the_pack(directory)
        epoch = super().resume_model_if_exist(directory)
        if self.regulation and self.regulation.aggregation.epochs_seen != epoch:
            raise ValueError(
                f"{directory} stopped after epoch {epoch}, without the prompt aggregation of the "
                "epochs so far; it can be evaluated (--eval-only --model-dir), not resumed: use "
                "another --output-dir"
            )
        return epoch

    def _start_with_the_pack(self, directory: str) -> None:
        """Delete what is newer than the position that the runs of a pack start from."""
        if not pack.joined():
            return
        from dassl.utils import unfinished  # Dassl.pytorch has none

        saved = {(0, 0): Path()}
        for file in self.checkpoint_path(directory, None).parent.glob("model.pth.tar-*"):
            if (epoch := file.name.removeprefix("model.pth.tar-")).isdecimal():
                saved[int(epoch), 0] = file
        if found := unfinished.read(directory, [self.registered_as]):
            state = found[0][self.registered_as]
            within = state["epoch"], state["unfinished"]["batch"]
            saved[within] = Path(directory, unfinished.NAME)
        start = pack.start_of(saved)
        for newer in (file for position, file in saved.items() if position > start):
            newer.unlink()

    def _check_resumable(self, directory: str) -> None:
        folder = self.checkpoint_path(directory, None).parent
        try:
            checkpoint = read_checkpoint(path := folder / newest_name(folder))
        except (OSError, ValueError):  # nothing there, or damaged: resuming reports it
            return
        if "trainer_state" not in checkpoint:
            raise ValueError(
                f"{path} is another implementation's, without the state of the training; it can be "
                "evaluated (--eval-only --model-dir), not resumed: use another --output-dir"
            )
        check_classes(self.prompts, checkpoint, path)

    @property
    def description(self) -> dict[str, Any]:
        """What it takes, besides the tensors, to use the prompts for any class names; plain types.

        `classnames` are those trained on. A learner outside promptsrc also says its module, and
        one that saves more than it trains says what (`buffers`).
        """
        kind = type(self.prompts)
        theirs = {} if kind.__module__.startswith("promptsrc.") else {"module": kind.__module__}
        saved = self.prompts.state_dict()
        untrained = [name for name, _ in self.prompts.named_buffers() if name in saved]
        return {
            "method": self.cfg.TRAINER.NAME,
            "backbone": found_from_anywhere(self.cfg.MODEL.BACKBONE.NAME),
            "learner": kind.__name__,
            **theirs,
            **({"buffers": untrained} if untrained else {}),
            "settings": self.prompt_settings(),
            "classnames": [str(name) for name in self.prompts.classnames],
            "input": _test_input(self.cfg.INPUT),
        }

    @property
    def learned(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that the method has learned, also for classes that are not tested, and what for."""
        return self.loaded or (self.prompts.state_dict(), self.description)

    @property
    def seconds_of_training(self) -> float | None:
        """Up to now, with validations and saving; None where an earlier process did not say."""
        before, now = self.seconds_before, self.training.seconds if self.training else 0.0
        return None if before is None or now is None else before + now

    def training_state(self) -> dict[str, Any]:
        """What a resumed run needs besides prompts, optimizer and schedule.

        Raises:
            FloatingPointError: the prompts contain NaN or Inf (in half precision the backward pass
                alone can overflow); what was saved before stays.
        """
        if not all(torch.isfinite(prompt).all() for prompt in self.prompts.parameters()):
            raise FloatingPointError(
                f"the prompts contain NaN or Inf in epoch {self.epoch + 1} (lr "
                f"{self.get_current_lr():.4e}, PREC {self.prec}); earlier checkpoints stay: lower "
                "OPTIM.LR, or try PREC fp32 or amp, in another --output-dir"
            )
        state: dict[str, Any] = {"scaler": self.scaler.state_dict(), "prompts": self.description}
        if (seconds := self.seconds_of_training) is not None:
            state["seconds"] = seconds
        if self.regulation:
            state["regulation"] = self.regulation.aggregation.state_dict()
        return state

    def load_training_state(self, state: dict[str, Any]) -> None:
        """Take what `training_state` returned.

        Raises:
            ValueError: an entry is of another kind, or it is of other classes or prompts.
        """
        check_trainer_state(state)
        check_classes(self.prompts, {"trainer_state": state}, "the state of the run")
        self.scaler.load_state_dict(state["scaler"])
        self.seconds_before = state.get("seconds")
        if self.regulation and "regulation" in state:  # else resume_model_if_exist reports it
            average = state["regulation"]
            shapes = {name: p.shape for name, p in self.prompts.named_parameters()}
            if average["epochs_seen"] and shapes != {k: v.shape for k, v in average["sum"].items()}:
                raise ValueError("its prompt average (regulation) is of other prompts")
            self.regulation.aggregation.load_state_dict(average, self.device)


def _test_input(settings: CfgNode) -> dict[str, Any]:
    """What tests do to an image: the arguments of `promptsrc.inference.images.Preprocessing`."""
    normalised = "normalize" in settings.TRANSFORMS
    stated = {
        "size": settings.SIZE[0],  # square, as load_frozen_clip has checked
        "mean": list(settings.PIXEL_MEAN) if normalised else [0.0] * 3,
        "std": list(settings.PIXEL_STD) if normalised else [1.0] * 3,
        "interpolation": settings.INTERPOLATION,
    }
    # stated only where they are set; inference refuses the second
    if settings.get("READ_AS") == "shown":  # Dassl.pytorch, without this key, reads as stored
        stated["read_as"] = "shown"
    if "instance_norm" in settings.TRANSFORMS:
        stated["instance_norm"] = True
    return stated


def _stays(epoch: int, every: int) -> bool:
    return every > 0 and epoch % every == 0
