"""Tip-Adapter: a cache of the training images beside zero-shot CLIP (ECCV 2022, arXiv 2207.09519).

TipAdapter trains nothing: its keys are mean features over passes. TipAdapterF starts from them and
trains them, each epoch on a pass of its own. The original has an alpha for each dataset, searches
both values on validation images (of ImageNet: test images), and takes F's best epoch on the test.
Here alpha and beta are ImageNet's, or searched on validation images alone; the epoch is the last.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from dassl.engine import TRAINER_REGISTRY
from dassl.optim import build_optimizer
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR
from yacs.config import CfgNode

from promptsrc.adapters import KeyValueCache
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.zeroshot import ensemble_features
from promptsrc.model import unit
from promptsrc.templates import GENERIC
from trainers.features import FeatureTrainer, Rows
from trainers.words import check_left_out

MOST = 10**6  # weight or sharpness of the cache


@TRAINER_REGISTRY.register()
class TipAdapterF(FeatureTrainer):
    node = "TIP_ADAPTER"
    registered_as = "tip_adapter"
    learner = KeyValueCache
    prompts: KeyValueCache
    templates_of_imagenet = GENERIC

    def check_cfg(self, cfg: CfgNode) -> None:
        """
        Raises:
            ValueError: a search of another kind, without values, or values without a search.
        """
        super().check_cfg(cfg)
        settings = cfg.TRAINER.TIP_ADAPTER
        search, steps = settings.SEARCH, settings.SEARCH_STEP
        if search not in ("none", "val") or len(steps) != 2 or min(steps) < 1:
            raise ValueError(
                f"TRAINER.TIP_ADAPTER.SEARCH is {search!r} and SEARCH_STEP {steps}; choose none or "
                "val, and two numbers of values, for beta and alpha"
            )
        for key in ("ALPHA", "BETA"):
            if not 0 <= settings[key] <= MOST:
                raise ValueError(
                    f"TRAINER.TIP_ADAPTER.{key} is {settings[key]}; it must be from 0 to {MOST}"
                )
        if search == "none":
            check_left_out(cfg.TRAINER.NAME, self.node, settings, "SEARCH_SCALE", "SEARCH_STEP")

    def prompt_settings(self) -> dict[str, Any]:
        return {"images": len(self.dm.dataset.train_x or ())}

    def build_targets(self, frozen: FrozenCLIP) -> None:
        """
        Raises:
            ValueError: a search on images of the test, as ImageNet's validation images are.
        """
        if self.settings.SEARCH == "val":
            data = self.dm.dataset
            val, test = ({i.impath for i in part or ()} for part in (data.val, data.test))
            if not val or val & test:
                raise ValueError(
                    f"TRAINER.TIP_ADAPTER.SEARCH is 'val', but {self.cfg.DATASET.NAME} has no "
                    "validation images that are not test images; set it to none"
                )
        g = ensemble_features(frozen.clip, self.classnames, self.templates)
        self.prompts.text_weights.copy_(g.t())
        self.prompts.alpha.fill_(self.settings.ALPHA)
        self.prompts.beta.fill_(self.settings.BETA)

    def optimizer_and_schedule(self) -> tuple[Any, Any]:
        """A cosine to 0 that steps with each update."""
        optimizer = build_optimizer(self.prompts, self.cfg.OPTIM)
        return optimizer, CosineAnnealingLR(optimizer, self.max_epoch * self.batches)

    def update(self) -> None:
        super().update()
        self.sched.step()

    def update_lr(self, names: Any = None) -> None:
        """At the end of an epoch: nothing, see `update`."""

    @property
    def batches(self) -> int:
        """The last one may be smaller."""
        return -(-self.prompt_settings()["images"] // self.cfg.DATALOADER.TRAIN_X.BATCH_SIZE)

    def before_train(self) -> None:
        super().before_train()
        if not self.prompts.cache_values.any():  # else the run resumes
            passes = [self.rows_of_pass(number) for number in range(self.settings.AUGMENT_EPOCHS)]
            mean = torch.stack([features for features, _ in passes]).mean(0)  # (N, D)
            self.prompts.cache_keys.data.copy_(unit(mean).t())
            self.prompts.cache_values.copy_(F.one_hot(passes[0][1], len(self.classnames)))

    def epoch_rows(self) -> Rows:
        return self.rows_of_pass(self.settings.AUGMENT_EPOCHS + self.epoch)

    def end_epoch(self) -> None:
        if self.settings.SEARCH == "val" and self.epoch + 1 == self.max_epoch:
            batches = [self.parse_batch_test(batch) for batch in self.val_loader]
            features = torch.cat([self.model.raw_features(images) for images, _ in batches])
            self.search(features, torch.cat([labels for _, labels in batches]))
        super().end_epoch()

    def grid(self) -> list[list[float]]:
        """The values of beta, and those of alpha."""
        pairs = zip(self.settings.SEARCH_SCALE, self.settings.SEARCH_STEP, strict=True)
        return [[0.1 + i * (scale - 0.1) / step for i in range(step)] for scale, step in pairs]

    @torch.no_grad()
    def search(self, f: Tensor, labels: Tensor) -> tuple[float, float]:
        """Take beta and alpha of the best accuracy on these features, of equal ones the first."""
        betas, alphas = self.grid()
        image, best = unit(f), -1.0
        zero_shot = self.model.frozen.logits(image, self.model.class_features())
        for beta in betas:
            cached = self.prompts.affinity(image, beta)
            for alpha in alphas:
                right = (zero_shot + alpha * cached).argmax(-1) == labels
                if (accuracy := right.float().mean().item()) > best:
                    best, found = accuracy, (beta, alpha)
        self.prompts.beta.fill_(found[0])
        self.prompts.alpha.fill_(found[1])
        print(
            f"Search on {len(f)} validation images, {len(betas)} beta from 0.1 to {betas[-1]:.2f}, "
            f"{len(alphas)} alpha from 0.1 to {alphas[-1]:.2f}: beta {found[0]:.3f}, alpha "
            f"{found[1]:.3f} ({100 * best:.1f}%)"
        )
        return found


@TRAINER_REGISTRY.register()
class TipAdapter(TipAdapterF):
    takes_epochs = False

    def optimizer_and_schedule(self) -> tuple[None, None]:
        return None, None

    def build_cross_entropy(self) -> Callable[[Tensor, Tensor], Tensor]:
        """No step needs one; its keys are not read, so a run refuses them."""
        return F.cross_entropy

    def run_epoch(self) -> None:
        """Without a step."""
        self.end_epoch()
