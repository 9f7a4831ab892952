"""Methods on cached features: passes of recorded images, rows in recorded orders."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor

from promptsrc.model import unit
from promptsrc.templates import DATASETS
from tests import tiny_clip
from tests.parity.cases import batches_of, config_of, trainer_of
from tests.parity.training import Replay, recorded
from trainers.keys import METHODS

USUAL = METHODS["TIP_ADAPTER"]


def dataset_of(case: Mapping[str, Any]) -> str:
    """A dataset whose class texts have the templates of a case."""
    if len(case["templates"]) > 1:
        return "ImageNet"
    return next(name for name, template in DATASETS.items() if [template] == case["templates"])


class FeatureReplay(Replay, trainers=("TaskRes", "CLIP_Adapter")):
    """Every pass is that of the recorded batches, in their order."""

    def build(self, classnames: list[str], novel: bool = False) -> Any:
        replayed, cfg = self, self.configuration()
        base = TRAINER_REGISTRY.get(trainer_of(self.case))

        class Cached(recorded(base, classnames, [])):
            def build_data_loader(self) -> None:
                super().build_data_loader()
                self.dm.dataset.train_x = range(replayed.case.get("n_train", 0))
                self.train_loader_x = [None] * replayed.case["num_batches"]

            def images_of_pass(self, number: int) -> list[dict[str, Tensor]]:
                return replayed.batches(number)

            def epoch_order(self, rows: int) -> Tensor:
                return replayed.order(self.epoch, rows)

            def before_train(self) -> None:
                super().before_train()
                replayed.started(self)

        return Cached(cfg)

    def configuration(self) -> Any:
        return config_of(self.case, self.output)

    def batches(self, number: int) -> list[dict[str, Tensor]]:
        """The images of a pass."""
        return batches_of(self.case)

    def order(self, epoch: int, rows: int) -> Tensor:
        return torch.arange(rows)

    def started(self, trainer: Any) -> None:
        """Called when the trainer is about to take its first step."""

    def texts(self, trainer: Any) -> dict[str, Any]:
        return {}

    def targets(self, trainer: Any) -> dict[str, Any]:
        return dict(trainer.prompts.named_buffers())


class ClapReplay(FeatureReplay, trainers=("ADAPTER",)):
    """Passes in an order of their own, whose rows are put together."""

    def batches(self, number: int) -> list[dict[str, Tensor]]:
        spec, order = self.case["train_images"], self.golden["pass_order"][number]
        images = tiny_clip.images(spec["seeds"][number], spec["n"], spec["resolution"])[order]
        labels = self.golden["train_labels"][order]
        return [{"img": torch.from_numpy(images), "label": torch.from_numpy(labels)}]

    def order(self, epoch: int, rows: int) -> Tensor:
        return torch.from_numpy(self.golden["epoch_order"][epoch])

    def run(self) -> dict[str, Any]:
        trainer = self.build(self.case["class_names"])
        ours = self.targets(trainer) | self.untrained(trainer)
        trainer.train()
        ours |= {k: self.golden[k] for k in ("train_labels", "pass_order", "epoch_order")}
        ours |= self.training(trainer) | self.evaluation(trainer, "train")
        features, labels = trainer.rows
        zero_shot = unit(trainer.prompts.base_text_features)
        return ours | {
            "features_train": features,
            "features_labels": labels,
            "logits_zeroshot": trainer.model.frozen.logits(unit(features), zero_shot),
            "multipliers": trainer.multipliers * (trainer.settings.CONSTRAINT == "l2"),
            **self.parameters("param/final", dict(trainer.prompts.named_parameters())),
        }


class TipReplay(FeatureReplay, trainers=("TipAdapter", "TipAdapterF")):
    """Without training, searched, and fine-tuned; its keys are recorded as a layer's weight."""

    def configuration(self) -> Any:
        cfg = super().configuration()
        cfg.DATASET.NAME = dataset_of(self.case)
        cfg.DATALOADER.TRAIN_X.BATCH_SIZE = self.case["batch_size"]
        node = cfg.TRAINER.TIP_ADAPTER
        node.PREC = self.case["precision"]
        node.update(SEARCH_SCALE=USUAL["SEARCH_SCALE"], SEARCH_STEP=USUAL["SEARCH_STEP"])
        return cfg

    def images_of(self, part: str) -> Tensor:
        """The images of `val` or `eval`."""
        spec = self.case[f"{part}_images"]
        return torch.from_numpy(tiny_clip.images(spec["seed"], spec["n"], spec["resolution"]))

    def batches(self, number: int) -> list[dict[str, Tensor]]:
        spec, labels = self.case["train_images"], self.golden["train_labels"]
        seeds = [*spec["cache_seeds"], *spec["epoch_seeds"]]
        images = tiny_clip.images(seeds[number], spec["n"], spec["resolution"])
        return [{"img": torch.from_numpy(images), "label": torch.from_numpy(labels)}]

    def order(self, epoch: int, rows: int) -> Tensor:
        return torch.from_numpy(self.golden["epoch_order"][epoch])

    def run(self) -> dict[str, Any]:
        self.case = {**self.case, "n_train": self.case["train_images"]["n"]}
        trainer = self.build(self.case["class_names"])
        trainer.train()
        steps = trainer.steps
        labels = {k: self.golden[k] for k in ("train_labels", "val_labels", "eval_labels")}
        ours = self.start | labels | {"epoch_order": self.golden["epoch_order"]}
        ours["loss"] = self.table(trainer, [step["loss"] for step in steps])
        ours["lr_step"] = self.table(trainer, [s["lr"][0] for s in steps])
        ours["grad/step0/adapter.weight"] = steps[0]["grad"]["cache_keys"].t()
        for k, epoch in enumerate(trainer.epochs, 1):
            ours[f"param/epoch{k}/adapter.weight"] = epoch["raw"]["cache_keys"].t()
        ours["param/final/adapter.weight"] = trainer.prompts.cache_keys.detach().t()
        return ours | {"eval_logits_train": self.logits(trainer)}

    @torch.no_grad()
    def started(self, trainer: Any) -> None:
        cache, model = trainer.prompts, trainer.model
        self.start = {key: value.clone() for key, value in cache.state_dict().items()}
        self.start["eval_logits_init"] = self.logits(trainer)
        evaluated, validated = (model.raw_features(self.images_of(p)) for p in ("eval", "val"))
        self.start |= {"eval_features": unit(evaluated), "val_features": (val := unit(validated))}
        zero_shot = model.frozen.logits(val, model.class_features())
        trainer.settings.update(self.case["config"]["TRAINER"]["TIP_ADAPTER"])
        betas, alphas = trainer.grid()
        self.start["search_logits"] = torch.stack(
            [zero_shot + a * cache.affinity(val, b) for b in betas for a in alphas]
        )
        val_labels = torch.from_numpy(self.golden["val_labels"])
        self.start["search_best"] = np.array(trainer.search(validated, val_labels))
        self.start["eval_logits_searched"] = self.logits(trainer)
        cache.alpha.copy_(self.start["alpha"])
        cache.beta.copy_(self.start["beta"])


class ProbeReplay(FeatureReplay, trainers=("LPPlusPlus",)):
    """One solve; its bias, a random default, is injected."""

    def configuration(self) -> Any:
        cfg = super().configuration()
        cfg.DATASET.NAME, cfg.OPTIM.MAX_EPOCH = dataset_of(self.case), 1
        return cfg

    def batches(self, number: int) -> list[dict[str, Tensor]]:
        spec, labels = self.case["train_images"], self.golden["train_labels"]
        images = tiny_clip.images(spec["seed"], spec["n"], spec["resolution"])
        return [{"img": torch.from_numpy(images), "label": torch.from_numpy(labels)}]

    def run(self) -> dict[str, Any]:
        trainer = self.build(self.case["class_names"])
        self.inject(trainer.prompts)
        trainer.train()
        probe, steps = trainer.prompts, trainer.steps
        ours = self.start | {k: self.golden[k] for k in ("train_labels", "val_labels")}
        ours |= self.parameters("grad/step0", steps[0]["grad"])
        ours |= self.parameters("param/final", dict(probe.named_parameters()))
        return ours | {
            "lr_weight": steps[0]["lr"][0],
            "lr_alpha": trainer.rate_of_alpha,
            "loss": [step["loss"].item() for step in steps],
            "logits_student_first": steps[0]["student"].logits,
            "logits_student_last": steps[-1]["student"].logits,
            "alpha_before_each_iteration": torch.cat([step["alpha"] for step in steps]),
            "param/iteration10/weight": self.tenth,
            "text_weights": probe.text_weights,
            "eval_features": unit(trainer.model.raw_features(self.images)),
            "eval_logits_train": self.logits(trainer),
        }

    def started(self, trainer: Any) -> None:
        self.start = self.parameters("param/init", dict(trainer.prompts.named_parameters()))
        optimize = trainer.optimize

        def recording(loss: Tensor) -> None:
            trainer.steps[-1]["alpha"] = trainer.prompts.alpha.detach().clone()
            optimize(loss)
            if len(trainer.steps) == 10:
                self.tenth = trainer.prompts.weight.detach().clone()

        trainer.optimize = recording
