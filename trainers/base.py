"""What the trainers share: one frozen CLIP, and the training step. A method adds what is its own.

A method overrides what its paper changes:

    prompt_settings     its config node -> the learner's settings
    build_targets       what must be computed while CLIP is float32 (teachers, frozen features)
    build_student       the classifier, where it is not the learner's own
    parameter_groups    learning rates of their own
    optimizer_and_schedule    others than those of OPTIM
    losses              further terms
    step                more than one backward pass (`backward`, `update`)
    model_inference     the logits of a test
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import torch
from dassl.metrics import compute_accuracy
from dassl.optim import build_lr_scheduler, build_optimizer
from torch import Tensor
from yacs.config import CfgNode

from promptsrc.checkpoint import among, load_prompts
from promptsrc.clip.classes import notes
from promptsrc.clip.frozen import FrozenCLIP, load_clip
from promptsrc.clip.precision import CopiedScalar, precision
from promptsrc.feature_cache import cached_diverse_features
from promptsrc.inference.prompt_file import PromptFile
from promptsrc.model import Encoded, PromptedCLIP, ZeroShotCLIP
from promptsrc.prompts import PromptLearner
from promptsrc.regulation import GaussianAggregation, SelfRegulation
from promptsrc.schema import MOST_EPOCHS
from promptsrc.templates import TEACHER
from promptsrc.weights.names import cache_folder
from trainers import pack
from trainers.checkpoints import CheckpointedTrainer
from trainers.compiled import as_one_graph
from trainers.cost import Phase
from trainers.cross_entropy import cross_entropy
from trainers.dassl_pytorch import Trainer
from trainers.scored import Scored


def check_input(settings: CfgNode, stated: Mapping[str, Any], backbone: str) -> None:
    """Compare the images of a run with what the backbone's config states about them.

    Raises:
        ValueError: they differ.
    """
    wrong = []
    for name, key in (("mean", "PIXEL_MEAN"), ("std", "PIXEL_STD")):
        if name in stated and not np.allclose(settings[key], stated[name], atol=1e-4):
            wrong.append(f'INPUT.{key} "{tuple(stated[name])}"')
    if stated.get("interpolation", settings.INTERPOLATION) != settings.INTERPOLATION:
        wrong.append(f"INPUT.INTERPOLATION {stated['interpolation']}")
    if wrong:
        raise ValueError(
            f"backbone {backbone} was trained on images prepared in another way, as its config "
            f"says; set {' '.join(wrong)}"
        )


class CLIPTrainer(Trainer):
    """Loads the backbone and evaluates `self.model`.

    Attributes:
        tested_images, tested_paths: the batch (B, 3, R, R) of a test that was taken last.
    """

    model: PromptedCLIP | ZeroShotCLIP
    half_on_cpu = False  # half kernels on a CPU: slow, for checks of fp16 only
    # "decoupled": a test is told whether its classes were trained, and chooses its logits by it
    test_time_knowledge = "unified"
    trained_on: list[str] | None = None  # classes of a loaded checkpoint
    parameters = 0  # that are learned
    training: Phase | None = None  # in this process
    train_seconds: float | None = None  # with those of earlier processes
    tested_images: Tensor
    tested_paths: Sequence[str]

    def __init__(self, cfg: CfgNode):
        super().__init__(cfg)
        self.evaluator = Scored(self)

    def check_cfg(self, cfg: CfgNode) -> None:
        """
        Raises:
            ValueError: images would not be tensors, or have views that nothing looks at; an unknown
                part to test.
        """
        if cfg.INPUT.NO_TRANSFORM:
            raise ValueError(
                "INPUT.NO_TRANSFORM is True, but CLIP needs images of one size; set it to False"
            )
        if cfg.TEST.SPLIT not in ("val", "test"):
            raise ValueError(f"TEST.SPLIT is {cfg.TEST.SPLIT!r}; choose one of val, test")
        one_view = type(self).parse_batch_train is CLIPTrainer.parse_batch_train
        if one_view and (cfg.DATALOADER.K_TRANSFORMS > 1 or cfg.DATALOADER.RETURN_IMG0):
            raise ValueError(
                f"DATALOADER.K_TRANSFORMS is {cfg.DATALOADER.K_TRANSFORMS} and RETURN_IMG0 "
                f"{cfg.DATALOADER.RETURN_IMG0}, but {cfg.TRAINER.NAME} looks at one view of an "
                "image; leave both out"
            )

    def build_data_loader(self) -> None:
        super().build_data_loader()
        self.val_loader = pack.read_once(self.val_loader, self.device)
        self.test_loader = pack.read_once(self.test_loader, self.device)

    def load_frozen_clip(self, prec: str) -> FrozenCLIP:
        """The configured backbone on the run's device, not yet cast.

        Raises:
            ValueError: INPUT is not what the backbone takes.
        """
        name, size = self.cfg.MODEL.BACKBONE.NAME, tuple(self.cfg.INPUT.SIZE)
        print(f"Loading CLIP (backbone: {name})")
        policy, model = precision(prec, self.device, self.half_on_cpu), self.cfg.MODEL

        def load() -> FrozenCLIP:
            clip = load_clip(name, self.device, model.BACKBONE.CACHE)
            return FrozenCLIP(clip, policy, model.TEXTS_AT_ONCE)

        frozen = pack.clip_of(self, (name, policy, model.TEXTS_AT_ONCE), load)
        if size != (frozen.resolution, frozen.resolution):
            raise ValueError(
                f"INPUT.SIZE is {size}, but backbone {name} takes {frozen.resolution} x "
                f"{frozen.resolution} images; set INPUT.SIZE "
                f'"({frozen.resolution}, {frozen.resolution})"'
            )
        check_input(self.cfg.INPUT, frozen.clip.images, name)
        for note in notes(frozen.clip, self.classnames):
            print(note)
        return frozen

    @property
    def classnames(self) -> list[str]:
        return self.dm.dataset.classnames

    def model_inference(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        return self.model.classify(images)

    @property
    def tested_by(self) -> str:
        """What a decoupled method classifies these classes by, for its log."""
        return ""

    def for_classes(self, classnames: Sequence[str]) -> "CLIPTrainer":
        """The method for other classes, with what it has learned; it can be tested, no more.

        Raises:
            ValueError: it has no answer among these.
        """
        raise ValueError(f"{self.cfg.TRAINER.NAME} is for the classes of its test alone")

    def test(self, split: str | None = None, **ignored: Any) -> float:
        """A test of a run (without `split`; with one it is a validation) leaves `results.json`."""
        if split or not isinstance(self.evaluator, Scored):
            result = super().test(split, **ignored)
        else:
            with self.evaluator.recording():
                result = super().test(split, **ignored)
        if self.test_time_knowledge == "decoupled":
            print(f"* Test-time knowledge: decoupled ({self.tested_by})")
        return result

    def parse_batch_test(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        self.tested_images, labels = super().parse_batch_test(batch)
        self.tested_paths = batch.get("impath", ())
        return self.tested_images, labels

    def parse_batch_train(  # type: ignore[override]  # Dassl's has the domains, too
        self, batch: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        images, labels = batch["img"], batch["label"]
        return images.to(self.device, non_blocking=True), labels.to(self.device, non_blocking=True)


class PromptTrainer(CLIPTrainer, CheckpointedTrainer):
    """Learns prompts for a frozen CLIP, self-regulated where the config or the method says so."""

    node: str  # name of the method's config node
    registered_as: str
    learner: Callable[..., PromptLearner]  # the class of what is trained and saved
    model: PromptedCLIP

    def prompt_settings(self) -> dict[str, Any]:
        """The learner's arguments after CLIP and class names; plain types, saved in checkpoints."""
        raise NotImplementedError

    @property
    def settings(self) -> CfgNode:
        """The method's own config node."""
        return self.cfg.TRAINER[self.node]

    @property
    def regulation_settings(self) -> CfgNode | None:
        """Weights of the losses and of the aggregation; None: the cross-entropy alone."""
        return self.cfg.REGULATION if self.cfg.REGULATION.ENABLED else None

    @property
    def prec(self) -> str:
        return self.settings.PREC

    def build_model(self) -> None:
        settings = self.prompt_settings()  # refuse what is wrong before CLIP is loaded
        if not 1 <= self.max_epoch <= MOST_EPOCHS:
            raise ValueError(
                f"OPTIM.MAX_EPOCH is {self.max_epoch}; it must be at least 1, at most {MOST_EPOCHS}"
            )
        frozen = self.load_frozen_clip(self.prec)
        self.prompts = self.learner(frozen.clip, self.classnames, **settings).to(self.device)
        self.load_init_weights()
        self.cross_entropy = self.build_cross_entropy()
        self.regulation = self.build_regulation(frozen)
        self.build_targets(frozen)
        frozen.cast()
        self.model = self.build_student(frozen)
        self.optim, self.sched = self.optimizer_and_schedule()
        self.scaler = frozen.precision.grad_scaler()
        self.keeps_epochs = self.cfg.TRAIN.KEEP_EPOCHS
        self.run_forward = self.forward
        if self.cfg.MODEL.COMPILE and pack.joined():
            raise ValueError("MODEL.COMPILE is True, but a pack is not compiled; leave it out")
        if self.cfg.MODEL.COMPILE:
            self.run_forward = as_one_graph(self.forward, self.device)
        self.register_model(self.registered_as, self.prompts, self.optim, self.sched)

    def before_train(self) -> None:
        """
        Raises:
            ValueError: the dataset is for tests only.
        """
        dataset = self.dm.dataset
        if getattr(dataset, "only_for_tests", False):
            raise ValueError(
                f"{self.cfg.DATASET.NAME} is for tests only: its training images are its test "
                "images; train on another dataset, and test these prompts with --eval-only"
            )
        super().before_train()
        self.training = Phase()

    def build_regulation(self, frozen: FrozenCLIP) -> SelfRegulation | None:
        """PromptSRC's constraints for these prompts."""
        settings = self.regulation_settings
        if settings is None:
            return None
        aggregation = GaussianAggregation(self.max_epoch, settings.GPA_MEAN, settings.GPA_STD)
        counted = [epoch for epoch, w in enumerate(aggregation.weights, 1) if w >= 0.01]
        print(
            f"Of {self.max_epoch} epochs, those that weigh 1 % or more in the prompt average: "
            f"{counted}"
        )
        cache = cache_folder(self.cfg.MODEL.BACKBONE.CACHE)
        features = cached_diverse_features(frozen.clip, self.classnames, TEACHER, cache)
        return SelfRegulation(
            ZeroShotCLIP(frozen, features),
            aggregation,
            lambda_1=settings.IMAGE_LOSS_WEIGHT,
            lambda_2=settings.TEXT_LOSS_WEIGHT,
        )

    def build_cross_entropy(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The first term of the loss, of logits (B, C) and labels (B,)."""
        return cross_entropy(self.cfg.TRAIN, self.dm.dataset, self.device)

    def build_targets(self, frozen: FrozenCLIP) -> None:
        """Whatever a method computes while CLIP is float32; nothing here."""

    def build_student(self, frozen: FrozenCLIP) -> PromptedCLIP:
        return self.prompts.student(frozen)

    def parameter_groups(self) -> list[dict[str, Any]] | None:
        """Groups with settings of their own, such as `{"params": [...], "lr": 0.02}`; None: one."""
        return None

    def optimizer_and_schedule(self) -> tuple[Any, Any]:
        """Those of OPTIM; the schedule steps once an epoch. None: nothing is trained by steps."""
        optimizer = build_optimizer(self.prompts, self.cfg.OPTIM, self.parameter_groups())
        return optimizer, build_lr_scheduler(optimizer, self.cfg.OPTIM)

    def forward_backward(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """One step; after the epoch's last one the schedule moves and the epoch is aggregated.

        The engine reads what is logged at the print interval, not here.
        """
        self.impaths = batch.get("impath", ())
        logged = self.step(*self.parse_batch_train(batch))
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
            self.end_epoch()
        # cloned, since the next compiled step overwrites them
        return {name: value.detach().clone() for name, value in logged.items()}

    def step(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Update the prompts once; returns what is logged, scalars by name."""
        loss, losses, logits = self.run_forward(images, labels)
        self.optimize(loss)
        return {"loss": loss, **losses, "acc": compute_accuracy(logits, labels)[0]}

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """The loss of images (B, 3, R, R) with labels (B,), its terms, and the logits (B, C)."""
        student = self.encode(images)
        losses = self.losses(student, images, labels)
        return reduce(torch.add, losses.values()), losses, student.logits

    def encode(self, images: Tensor) -> Encoded:
        """What the student makes of the images of a step."""
        return self.model.encode(images)

    def losses(self, student: Encoded, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The terms of the loss by name, weighted scalars."""
        losses = {"loss_ce": self.cross_entropy(student.logits, labels)}
        if self.regulation:
            losses.update(self.regulation.losses(student, images))  # PyTorch 2.5 compiles no |=
        return losses

    def optimize(self, loss: Tensor) -> None:
        """Backward pass and update."""
        self.backward(loss)
        self.update()

    def backward(self, loss: Tensor, retain_graph: bool = False) -> None:
        """New gradients of the prompts, scaled where the precision asks for it.

        Raises:
            FloatingPointError: the loss is infinite or NaN; the prompts are unchanged.
        """
        finite = CopiedScalar(torch.isfinite(loss))  # read after the backward pass is queued
        self.model_zero_grad()
        pack.backward(self.scaler.scale(loss), retain_graph)
        if not finite.item():
            images = f"; images {', '.join(self.impaths)}" if self.impaths else ""
            raise FloatingPointError(
                f"loss is {loss.item()} in epoch {self.epoch + 1}, batch {self.batch_idx + 1} (lr "
                f"{self.get_current_lr():.4e}, PREC {self.prec}{images}); this batch did not "
                "change the prompts: lower "
                "OPTIM.LR, try PREC fp32, or look at these images"
            )

    def update(self) -> None:
        """Let the optimizer step on the gradients."""
        self.scaler.step(self.optim)
        self.scaler.update()

    def end_epoch(self) -> None:
        """Keep the prompts where that is asked for, then aggregate them."""
        if self.keeps_epochs:
            self.keep_epoch()
        if self.regulation:
            weight = self.regulation.aggregation.weights[self.epoch]
            last_step = (self.epoch + 1) * self.num_batches - 1
            self.write_scalar("train/aggregation_weight", weight, last_step)
            self.regulation.end_epoch(self.prompts)

    @property
    def parameters(self) -> int:  # type: ignore[override]  # of methods that learn nothing: 0
        state, about = self.learned
        return PromptFile(about, state).parameters

    @property
    def train_seconds(self) -> float | None:  # type: ignore[override]
        return self.seconds_of_training if self.training else None

    def for_classes(self, classnames: Sequence[str]) -> "PromptTrainer":
        state, about = self.learned
        other, frozen = copy.copy(self), self.model.frozen
        with torch.random.fork_rng(devices=[]):  # of a start that is replaced
            prompts = self.learner(frozen.clip, classnames, **self.prompt_settings())
        load_prompts(prompts, state, self.cfg.TRAINER.NAME, about)
        other.prompts = prompts.to(self.device).requires_grad_(False).eval()
        other.model = other.build_student(frozen)
        other.model.encode_classes()
        return other

    def test(self, split: str | None = None, **ignored: Any) -> float:
        with self.model.classes_encoded_once():
            result = super().test(split)
        if said := among(self.trained_on, self.classnames):
            print(f"* {said}")
        return result
