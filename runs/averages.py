"""The prompts of a run averaged with other Gaussians, and tested; nothing is trained.

P_GPA = sum_t w_t P_t (promptsrc/regulation.py) depends on the prompts at the end of each epoch, and
they do not depend on w. So the kept epochs of one training (TRAIN.KEEP_EPOCHS) give the prompts of
every mean and deviation, bit for bit those of a training with them.
"""

import contextlib
import copy
import io
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from dassl.engine import build_trainer
from dassl.engine.loop import Bar
from dassl.utils import set_random_seed

import runs.register  # noqa: F401 (makes names known)
from promptsrc.checkpoint import load_prompts, read_checkpoint
from promptsrc.files import replacing
from promptsrc.inference.prompt_file import PromptFile, read_prompts
from promptsrc.regulation import GaussianAggregation
from runs import items, saved_config
from runs.config import config_of_run
from runs.folder import claim_items
from trainers.checkpoints import kept_epoch


class Gaussian(NamedTuple):
    """GPA_MEAN and GPA_STD, in epochs."""

    mean: float
    std: float


def check_free(folder: Path) -> None:
    """
    Raises:
        FileExistsError: there is something already.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} exists; name a folder that does not")


class Averages:
    """The averages that a run's epochs can have.

    Attributes:
        own: the Gaussian that the run was trained with.
        parts: the classes to test on: `all`; `base` and `new` of a run on base classes.

    Raises:
        ValueError, OSError: the run is not regulated, tests its best epoch or has not kept all
            epochs, or its data or backbone are missing or do not fit.
    """

    def __init__(self, folder: Path, split: str = "", root: str = ""):
        self.folder, self.cfg = folder, config_of_run(folder, root)
        self.cfg.OUTPUT_DIR, self.cfg.TEST.SPLIT = str(folder), split or self.cfg.TEST.SPLIT
        self.cfg.TEST.COMPUTE_CMAT = self.cfg.TEST.PER_CLASS_RESULT = False
        if self.cfg.TEST.FINAL_MODEL == "best_val":
            raise ValueError(
                f"{folder} is tested with its best epoch (TEST.FINAL_MODEL best_val), not with an "
                "average; name a run that is tested with its last one"
            )
        self.epochs = list(self._kept())
        classes = self.cfg.DATASET.SUBSAMPLE_CLASSES
        self.parts = {"base": ("base", "new")}.get(classes, (classes,))
        self.trainer = self._trainer(classes)
        settings = self.trainer.regulation_settings
        if settings is None:
            raise ValueError(
                f"{folder} was trained without self-regulation, so its prompts are not averaged; "
                "append REGULATION.ENABLED True to its training"
            )
        self.own = Gaussian(settings.GPA_MEAN, settings.GPA_STD)
        claim_items(self.cfg, self.trainer.dm.dataset)
        self._check_kept()

    def _kept(self) -> Iterator[PromptFile]:
        total = self.cfg.OPTIM.MAX_EPOCH
        files = [kept_epoch(self.folder, epoch) for epoch in range(1, total + 1)]
        if missing := [file for file in files if not file.is_file()]:
            raise FileNotFoundError(
                f"{self.folder} has kept the prompts of {total - len(missing)} of {total} epochs; "
                "train it with TRAIN.KEEP_EPOCHS True from its first epoch on"
            )
        return map(read_prompts, files)

    def _trainer(self, classes: str) -> Any:
        """The trainer of the run for the classes of a part, with its last checkpoint."""
        cfg = self.cfg.clone()
        cfg.DATASET.SUBSAMPLE_CLASSES = classes
        if cfg.SEED >= 0:
            set_random_seed(cfg.SEED)  # draws the same shots as in the run
        with contextlib.redirect_stdout(io.StringIO()):
            trainer = build_trainer(cfg)
            trainer.load_model(str(self.folder), epoch=cfg.OPTIM.MAX_EPOCH)
        trainer.set_model_mode("eval")
        return trainer

    def _check_kept(self) -> None:
        path = self.trainer.checkpoint_path(self.folder, len(self.epochs))
        final = read_checkpoint(path)["state_dict"]
        own = self._sum(self.own).sum
        if not all(key in final and torch.equal(final[key], own[key]) for key in own):
            raise ValueError(
                f"the epochs kept in {self.folder} are not those of its last checkpoint; delete "
                "the folder and train again"
            )

    def _sum(self, gaussian: Gaussian) -> GaussianAggregation:
        """
        Raises:
            ValueError: the mean or the deviation is beyond what epochs need.
        """
        aggregation = GaussianAggregation(len(self.epochs), *gaussian)
        for about, tensors in self.epochs:
            untrained = about.get("buffers", ())
            aggregation.update((k, v) for k, v in tensors.items() if k not in untrained)
        return aggregation

    def prompts(self, gaussian: Gaussian) -> PromptFile:
        """The prompts at the end of a training with these settings."""
        about, last = self.epochs[-1]
        return PromptFile(about, last | self._sum(gaussian).sum)

    def accuracies(self, gaussians: Sequence[Gaussian]) -> dict[str, list[float]]:
        """Accuracy in percent of each Gaussian, by part; each image is read once for all.

        Raises:
            ValueError: there are no images of TEST.SPLIT.
        """
        averages = [self.prompts(gaussian) for gaussian in gaussians]
        first, *others = self.parts
        trainers = {first: self.trainer} | {part: self._trainer(part) for part in others}
        return {part: _tested(trainer, averages) for part, trainer in trainers.items()}

    def save(self, gaussian: Gaussian, folder: Path) -> None:
        """Write a run's folder that holds this average in the place of its own.

        Raises:
            FileExistsError: there is something already.
        """
        check_free(folder)
        trainer, aggregation = self.trainer, self._sum(gaussian)
        about, tensors = self.prompts(gaussian)
        load_prompts(trainer.prompts, tensors, self.folder, about)
        trainer.regulation.aggregation = aggregation
        trainer.regulation_settings.update(GPA_MEAN=gaussian.mean, GPA_STD=gaussian.std)
        trainer.cfg.OUTPUT_DIR = str(folder)
        trainer.cfg.TEST = config_of_run(self.folder).TEST  # not the split of this command
        trainer.save_model(len(self.epochs) - 1, str(folder))
        with replacing(folder / saved_config.NAME) as part:
            part.write_text(saved_config.shown(trainer.cfg).dump(), encoding="utf-8")
        if (self.folder / items.NAME).is_file():
            shutil.copy(self.folder / items.NAME, folder)


@torch.no_grad()
def _tested(trainer: Any, averages: Sequence[PromptFile]) -> list[float]:
    split, frozen = trainer.cfg.TEST.SPLIT, trainer.model.frozen
    loader = trainer.val_loader if split == "val" else trainer.test_loader
    if loader is None:
        raise ValueError(f"{trainer.cfg.DATASET.NAME} has no {items.PARTS[split]} images")
    students, own = [], (trainer.prompts, trainer.model)
    for about, tensors in averages:
        trainer.prompts = copy.deepcopy(own[0])
        load_prompts(trainer.prompts, tensors, trainer.cfg.OUTPUT_DIR, about)
        trainer.model = trainer.build_student(frozen)
        trainer.model.encode_classes()
        students.append((trainer.prompts, trainer.model, copy.deepcopy(trainer.evaluator)))
    for batch in Bar(loader):
        images, labels = trainer.parse_batch_test(batch)
        for trainer.prompts, trainer.model, evaluator in students:
            evaluator.process(trainer.model_inference(images), labels)
    trainer.prompts, trainer.model = own
    with contextlib.redirect_stdout(io.StringIO()):
        return [evaluator.evaluate()["accuracy"] for *_, evaluator in students]
