"""LP++: a linear probe blended with CLIP's class weights (CVPR 2024, arXiv 2404.02285).

One solve on the features of a single pass, all of them in each iteration. Every ALPHA_EVERY
iterations alpha moves against the sum of all its gradients so far, as in the original, which never
zeroes them: SGD with momentum 1 and rate 0 in between. The original takes the iteration with the
best accuracy on validation images; here it is the last.
"""

from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor

from promptsrc.adapters import BlendedProbe
from promptsrc.clip.frozen import FrozenCLIP
from promptsrc.clip.zeroshot import ensemble_features
from promptsrc.model import unit
from promptsrc.schema import MOST_EPOCHS
from promptsrc.templates import GENERIC
from trainers.features import FeatureTrainer


@TRAINER_REGISTRY.register()
class LinearProbe(FeatureTrainer):
    node = "LP_PLUS_PLUS"
    registered_as = "adapter"
    learner = BlendedProbe
    prompts: BlendedProbe
    templates_of_imagenet = GENERIC
    takes_epochs = False

    def prompt_settings(self) -> dict[str, Any]:
        """
        Raises:
            ValueError: no iterations, or too many.
        """
        for key in ("ITERATIONS", "ALPHA_EVERY"):
            if not 1 <= self.settings[key] <= MOST_EPOCHS:
                raise ValueError(
                    f"TRAINER.LP_PLUS_PLUS.{key} is {self.settings[key]}; give 1 to {MOST_EPOCHS}"
                )
        return {}

    def build_targets(self, frozen: FrozenCLIP) -> None:
        g = ensemble_features(frozen.clip, self.classnames, self.templates)
        self.prompts.text_weights.copy_(g.t())

    def optimizer_and_schedule(self) -> tuple[torch.optim.SGD, None]:
        """Rates follow from the features, see `before_train`."""
        probe = self.prompts
        groups: list[dict[str, Any]] = [
            {"params": [probe.weight, probe.bias], "momentum": 0.9},
            {"params": [probe.alpha], "momentum": 1.0},
        ]
        return torch.optim.SGD(groups, lr=0.0), None

    def before_train(self) -> None:
        super().before_train()
        if self.start_epoch < self.max_epoch:
            features, labels = self.rows_of_pass(0)
            f = unit(features)
            if not self.prompts.weight.any():  # else the run resumes
                self.prompts.start(f, labels, self.settings.ALPHA_SCALE)
            self.optim.param_groups[0]["lr"], self.rate_of_alpha = self.prompts.step_sizes(f)
            self.train_loader_x = [{"img": features, "label": labels}] * self.settings.ITERATIONS

    def step(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        due = (self.batch_idx + 1) % self.settings.ALPHA_EVERY == 0
        self.optim.param_groups[1]["lr"] = self.rate_of_alpha if due else 0.0
        return super().step(images, labels)
