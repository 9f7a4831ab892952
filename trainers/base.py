"""What the trainers share: one frozen CLIP, the step, checkpoints of the prompts.

A method's file adds what its paper changes.
"""

import os
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from dassl.metrics import compute_accuracy
from dassl.optim import build_lr_scheduler, build_optimizer
from torch import Tensor
from yacs.config import CfgNode

from promptsrc.aggregation import GaussianAggregation
from promptsrc.checkpoint import CHECKSUM, load_prompts, read_checkpoint
from promptsrc.clip.frozen import FrozenCLIP, load_clip
from promptsrc.clip.precision import OnTheWay, precision
from promptsrc.feature_cache import kept_diverse_features
from promptsrc.model import Encoded, PromptedCLIP, ZeroShotCLIP, prompted_clip
from promptsrc.prompts import PromptLearner
from promptsrc.regulation import SelfRegulation
from promptsrc.templates import TEACHER
from promptsrc.weights.names import cache_folder, found_from_anywhere
from trainers.compiled import as_one_graph
from trainers.dassl_pytorch import Trainer


def extend_cfg(cfg: CfgNode) -> None:
    cfg.MODEL.BACKBONE.CACHE = (
        ""  # folder for OpenAI's weights, in place of CLIP_CACHE's or ~/.cache/clip
    )
    cfg.MODEL.COMPILE = (
        False  # a step as one compiled graph, for GPUs that wait for the host (few classes)
    )
    cfg.MODEL.TEXTS_AT_ONCE = (
        0  # class texts encoded at a time, to bound the memory; 0: as many as it allows
    )


class CLIPTrainer(Trainer):
    """Loads the backbone and evaluates `self.model`."""

    model: PromptedCLIP | ZeroShotCLIP
    half_on_cpu = False  # half kernels on a CPU: slow, for checks of fp16 only

    def load_frozen_clip(self, prec: str) -> FrozenCLIP:
        """The configured backbone on the run's device, not yet cast.

        Raises:
            ValueError: INPUT.SIZE is not the backbone's resolution.
        """
        name, size = self.cfg.MODEL.BACKBONE.NAME, tuple(self.cfg.INPUT.SIZE)
        print(f"Loading CLIP (backbone: {name})")
        policy = precision(prec, self.device, self.half_on_cpu)
        clip = load_clip(name, self.device, self.cfg.MODEL.BACKBONE.CACHE)
        frozen = FrozenCLIP(clip, policy, self.cfg.MODEL.TEXTS_AT_ONCE)
        if size != (frozen.resolution, frozen.resolution):
            raise ValueError(
                f"INPUT.SIZE is {size}, but backbone {name} takes {frozen.resolution} x {frozen.resolution} images; "
                f'set INPUT.SIZE "({frozen.resolution}, {frozen.resolution})"'
            )
        return frozen

    @property
    def classnames(self) -> list[str]:
        return self.dm.dataset.classnames

    def model_inference(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        return self.model.classify(images)

    def parse_batch_train(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        return tuple(batch[key].to(self.device, non_blocking=True) for key in ("img", "label"))


class PromptTrainer(CLIPTrainer):
    """Learns prompts for a frozen CLIP, and regulates them where `REGULATION.ENABLED` or the method says so.

    A method names its parts below, and says in `prompt_settings` how its config node builds the learner.
    """

    node: str  # name of the method's config node
    registered_as: str  # name in Dassl's registry of models, and so of the checkpoint folder
    learner: type[PromptLearner]  # what is trained and saved

    def prompt_settings(self) -> dict[str, int | str]:
        """Arguments of `learner` by name, besides the CLIP."""
        raise NotImplementedError

    @property
    def settings(self) -> CfgNode:
        """The method's own config node."""
        return self.cfg.TRAINER[self.node]

    @property
    def regulation_settings(self) -> CfgNode | None:
        """Weights of the consistency losses and of the aggregation; None: the cross-entropy alone."""
        return self.cfg.REGULATION if self.cfg.REGULATION.ENABLED else None

    @property
    def prec(self) -> str:
        return self.settings.PREC

    def build_model(self) -> None:
        settings = self.prompt_settings()  # what it refuses is refused before CLIP is loaded
        frozen = self.load_frozen_clip(self.prec)
        self.prompts = self.learner(frozen.clip, **settings).to(self.device)
        self.regulation = self.build_regulation(frozen)
        frozen.cast()
        self.model = prompted_clip(frozen, self.prompts, self.classnames)
        self.optim = build_optimizer(self.prompts, self.cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, self.cfg.OPTIM)
        self.scaler = frozen.precision.grad_scaler()
        if self.cfg.MODEL.COMPILE:
            self.forward = as_one_graph(self.forward, self.device)
        self.register_model(self.registered_as, self.prompts, self.optim, self.sched)

    def build_regulation(self, frozen: FrozenCLIP) -> SelfRegulation | None:
        """The three constraints of PromptSRC for these prompts; CLIP is still float32 here."""
        settings = self.regulation_settings
        if settings is None:
            return None
        aggregation = GaussianAggregation(self.max_epoch, settings.GPA_MEAN, settings.GPA_STD)
        print(
            f"Of {self.max_epoch} epochs, those that weigh 1 % or more in the prompt average: {aggregation.counted}"
        )
        cache = cache_folder(self.cfg.MODEL.BACKBONE.CACHE)
        teacher = ZeroShotCLIP(
            frozen, kept_diverse_features(frozen.clip, self.classnames, TEACHER, cache)
        )
        return SelfRegulation(
            teacher, aggregation, settings.TEXT_LOSS_WEIGHT, settings.IMAGE_LOSS_WEIGHT
        )

    def forward_backward(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """One training step; the epoch's last one moves the schedule and closes the epoch.

        What is logged is not read here, but by the engine at the print interval.
        """
        self.impaths = batch.get("impath", ())
        images, labels = self.parse_batch_train(batch)
        loss, losses, logits = self.forward(images, labels)
        self.optimize(loss)
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
            self.end_epoch()
        logged = {"loss": loss, **losses, "acc": compute_accuracy(logits, labels)[0]}
        return {
            name: value.detach().clone() for name, value in logged.items()
        }  # the next compiled step overwrites them

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """The loss of images (B, 3, R, R) with labels (B,), its terms, and the student's logits (B, C)."""
        student = self.model.encode(images)
        losses = self.losses(student, images, labels)
        return sum(losses.values()), losses, student.logits

    def losses(self, student: Encoded, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The terms of the loss by name, each a scalar that has its weight."""
        losses = {"loss_ce": F.cross_entropy(student.logits, labels)}
        if self.regulation:
            losses.update(self.regulation.losses(student, images))  # PyTorch 2.5 compiles no |=
        return losses

    def optimize(self, loss: Tensor) -> None:
        """Backward pass and update.

        Raises:
            FloatingPointError: the loss is infinite or NaN; the prompts are as before this batch.
        """
        finite = OnTheWay(
            torch.isfinite(loss)
        )  # read when the backward pass is queued, so that no GPU waits
        self.model_zero_grad()
        self.scaler.scale(loss).backward()
        if not finite.item():
            raise FloatingPointError(
                f"loss is {loss.item()} in epoch {self.epoch + 1}, batch {self.batch_idx + 1} (lr "
                f"{self.get_current_lr():.4e}, PREC {self.prec}; images {', '.join(self.impaths)}); this batch did not change the "
                "prompts: lower OPTIM.LR, try PREC fp32, or look at these images"
            )
        self.scaler.step(self.optim)
        self.scaler.update()

    def end_epoch(self) -> None:
        if self.regulation:
            weight, step = (
                self.regulation.aggregation.weights[self.epoch],
                (self.epoch + 1) * self.num_batches - 1,
            )
            self.write_scalar("train/aggregation_weight", weight, step)
            self.regulation.end_epoch(self.prompts)

    def after_epoch(self) -> None:
        """Save every epoch, so that a kill costs one at most; CHECKPOINT_FREQ says which of the files stay.

        The newest two do, so that one that is damaged has one before it.
        """
        super().after_epoch()
        done, every = self.epoch + 1, self.cfg.TRAIN.CHECKPOINT_FREQ
        if not _stays(done, every) and done < self.max_epoch:
            self.save_model(self.epoch, self.output_dir)
        for file in self.checkpoint_path(self.output_dir, done).parent.glob("model.pth.tar-*"):
            epoch = file.name.removeprefix("model.pth.tar-").removesuffix(CHECKSUM)
            if epoch.isdecimal() and int(epoch) < done - 1 and not _stays(int(epoch), every):
                file.unlink(missing_ok=True)  # also one that a kill just before this line has left

    def test(self, split: str | None = None) -> float:
        with self.model.classes_encoded_once():
            return super().test(split)

    def checkpoint_path(self, directory: str | os.PathLike, epoch: int | None) -> Path:
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
        path = self.checkpoint_path(directory, epoch)
        if not path.is_file():
            raise FileNotFoundError(f"no checkpoint at {path}; {_what_is_there(path.parent)}")
        checkpoint = read_checkpoint(path)
        print(
            f'Loading weights to {self.registered_as} from "{path}" (epoch = {checkpoint["epoch"]})'
        )
        load_prompts(self.prompts, checkpoint["state_dict"], path)

    def resume_model_if_exist(self, directory: str) -> int:
        """Go on where a run in this folder stopped.

        Raises:
            ValueError: its file is of another implementation, or lacks the prompt average of the epochs before.
        """
        self._refuse_foreign(directory)
        epoch = super().resume_model_if_exist(directory)
        if self.regulation and self.regulation.aggregation.epochs_seen != epoch:
            raise ValueError(
                f"{directory} stopped after epoch {epoch}, without the prompt aggregation of the epochs before; it can be "
                "evaluated (--eval-only --model-dir), not continued: use another --output-dir"
            )
        return epoch

    def _refuse_foreign(self, directory: str) -> None:
        folder = self.checkpoint_path(directory, None).parent
        try:
            path = folder / (folder / "checkpoint").read_text(errors="replace").strip()
            foreign = "trainer_state" not in read_checkpoint(path)
        except (OSError, ValueError):  # nothing there, or damaged: what resumes says so
            return
        if foreign:
            raise ValueError(
                f"{path} is of another implementation, which keeps no state of a training like ours; it can be evaluated "
                "(--eval-only --model-dir), not continued: use another --output-dir"
            )

    @property
    def description(self) -> dict[str, Any]:
        """What one needs besides the tensors to use the prompts for any class names, and the names trained on; plain types."""
        return {
            "method": self.cfg.TRAINER.NAME,
            "backbone": found_from_anywhere(self.cfg.MODEL.BACKBONE.NAME),
            "learner": self.learner.__name__,
            "settings": self.prompt_settings(),
            "classnames": [str(name) for name in self.classnames],
            "input": _test_input(self.cfg.INPUT),
        }

    def training_state(self) -> dict[str, Any]:
        """What a resumed run needs besides prompts, optimizer and schedule.

        Raises:
            FloatingPointError: the prompts are no numbers any more (half precision overflows in the backward pass only, at times);
                what was saved before stays.
        """
        if not all(torch.isfinite(prompt).all() for prompt in self.prompts.parameters()):
            raise FloatingPointError(
                f"the prompts are infinite or NaN in epoch {self.epoch + 1} (lr {self.get_current_lr():.4e}, PREC {self.prec}); what "
                "was saved before stays: lower OPTIM.LR, or try PREC fp32 or amp, in another --output-dir"
            )
        state = {"scaler": self.scaler.state_dict(), "prompts": self.description}
        return state | ({"regulation": self.regulation.state_dict()} if self.regulation else {})

    def load_training_state(self, state: dict[str, Any]) -> None:
        self.scaler.load_state_dict(state["scaler"])
        if (
            self.regulation and "regulation" in state
        ):  # without: resume_model_if_exist says what is missing
            self.regulation.load_state_dict(state["regulation"], self.device)


def _test_input(settings: CfgNode) -> dict[str, Any]:
    """What the tests do to an image: the arguments of `promptsrc.inference.images.Preprocessing`."""
    normalised = "normalize" in settings.TRANSFORMS
    stated = {
        "size": settings.SIZE[0],  # square: load_frozen_clip has seen to it
        "mean": list(settings.PIXEL_MEAN) if normalised else [0.0] * 3,
        "std": list(settings.PIXEL_STD) if normalised else [1.0] * 3,
        "interpolation": settings.INTERPOLATION,
    }
    # said where it is not the rule, and refused there: nobody normalises CLIP's images one by one
    return stated | ({"instance_norm": True} if "instance_norm" in settings.TRANSFORMS else {})


def _stays(epoch: int, every: int) -> bool:
    return every > 0 and epoch % every == 0


def _what_is_there(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder.parent} holds no {folder.name} folder: is it the folder of a run of this trainer?"
    found = sorted(file.name for file in folder.glob("model*") if file.suffix != CHECKSUM)
    return f"found {', '.join(found) or 'nothing'} there: check --load-epoch"
