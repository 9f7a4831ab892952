"""A training of ours on the images of a case, and everything it computes by the arrays' names."""

from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor

from promptsrc.clip.text import tokenize
from promptsrc.clip.tokens import readable
from promptsrc.model import Encoded
from promptsrc.regulation import diverse_features
from promptsrc.templates import TEACHER
from tests import tiny_clip
from tests.parity.cases import batches_of, config_of, eval_images_of, trainer_of


def recorded(base: type, classnames: list[str], batches: list[dict[str, Tensor]]) -> type:
    """The trainer with given batches instead of a dataset, which records what it computes."""

    class Recorded(base):
        half_on_cpu = True

        def build_data_loader(self) -> None:
            dataset = SimpleNamespace(classnames=classnames, num_classes=len(classnames))
            self.dm = SimpleNamespace(dataset=dataset)
            self.train_loader_x, self.test_loader = batches, []
            self.train_loader_u = self.val_loader = None
            self.num_classes, self.num_source_domains = len(classnames), 0
            self.lab2cname = dict(enumerate(classnames))

        def losses(self, student: Encoded, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
            record = self.__dict__.setdefault("steps", [])
            teacher = self.regulation.teacher.encode(images) if self.regulation else None
            losses = super().losses(student, images, labels)
            loss = reduce(torch.add, losses.values())
            record.append({"student": student, "teacher": teacher, "losses": losses, "loss": loss})
            return losses

        def optimize(self, loss: Tensor) -> None:
            self.steps[-1] |= {"lr": rates(self.optim)}
            super().optimize(loss)
            gradients = {n: p.grad for n, p in self.prompts.named_parameters()}
            self.steps[-1]["grad"] = {n: g.clone() for n, g in gradients.items() if g is not None}

        def end_epoch(self) -> None:
            epochs = self.__dict__.setdefault("epochs", [])
            raw = {n: p.detach().clone() for n, p in self.prompts.named_parameters()}
            epochs.append({"raw": raw, "lr_after": rates(self.optim)})
            super().end_epoch()

    return Recorded


def rates(optimizer: torch.optim.Optimizer) -> list[float]:
    """The learning rate of each group."""
    return [group["lr"] for group in optimizer.param_groups]


class Replay:
    """A case of a method that trains on batches of images, saves, and tests other classes.

    A method that records more overrides what it adds to; naming its trainers in the class
    statement is all that makes it used.

    Args:
        golden: the recorded arrays; ours may read orders and random draws from them.
    """

    by_trainer: ClassVar[dict[str, type["Replay"]]] = {}

    def __init_subclass__(cls, trainers: tuple[str, ...] = ()) -> None:
        cls.by_trainer.update(dict.fromkeys(trainers, cls))

    def __init__(self, case: Mapping[str, Any], output: Path, golden: Mapping[str, np.ndarray]):
        self.case, self.output, self.golden = case, output, golden
        self.prefix = case.get("checkpoint", {}).get("state_dict_prefix", "")
        self.images = eval_images_of(case)

    def run(self) -> dict[str, Any]:
        """Everything computed."""
        trainer = self.build(self.case["class_names"])
        self.inject(trainer.prompts)
        ours = {"train_labels": self.case["train_labels"]["values"]}
        ours |= self.parameters("param/init", dict(trainer.prompts.named_parameters()))
        ours |= self.texts(trainer) | self.targets(trainer)
        ours |= self.untrained(trainer)
        trainer.train()
        ours |= self.training(trainer) | self.evaluation(trainer, "train")
        ours |= self.parameters("param/final", dict(trainer.prompts.named_parameters()))
        if novel := self.case["novel_class_names"]:
            fresh = self.build(novel, novel=True)
            fresh.load_model(str(self.output), self.case["checkpoint"]["epoch_value"])
            ours |= self.evaluation(fresh, "novel")
            ours |= {f"{name}_novel": value for name, value in self.texts(fresh).items()}
        return ours

    def build(self, classnames: list[str], novel: bool = False) -> Any:
        """The recorded trainer for these classes, the training's or new ones."""
        cfg = config_of(self.case, self.output)
        base = TRAINER_REGISTRY.get(trainer_of(self.case))
        return self.recorded(base, classnames, batches_of(self.case))(cfg)

    def recorded(self, base: type, *arguments: Any) -> type:
        """The trainer that records."""
        return recorded(base, *arguments)

    def inject(self, prompts: torch.nn.Module) -> None:
        """Overwrite what starts at random with the recorded start."""
        injected = self.case["injected"]
        shapes = {name: spec["shape"] for name, spec in injected["params"].items()}
        stds = {name: spec["std"] for name, spec in injected["params"].items()}
        values = tiny_clip.prompt_init(injected["seed"], shapes, stds=stds)
        for name, value in values.items():
            mine = prompts.get_parameter(name.removeprefix(self.prefix))
            mine.data.copy_(torch.from_numpy(value))

    def parameters(self, group: str, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Learned tensors under the names of the recording."""
        return {f"{group}/{self.prefix}{n}": value.detach().clone() for n, value in values.items()}

    def texts(self, trainer: Any) -> dict[str, Any]:
        """What the text tower reads."""
        return {"tokenized_prompts": trainer.model.texts.tokens}

    def targets(self, trainer: Any) -> dict[str, Any]:
        """What is computed once from the frozen model."""
        if not trainer.regulation:
            return {}
        clip, names = trainer.model.frozen.clip, trainer.classnames
        texts = [[template.replace("{}", readable(name)) for name in names] for template in TEACHER]
        with torch.no_grad():
            raw = diverse_features(clip.float(), names)
        trainer.model.frozen.cast()
        return {
            "teacher_tokens": torch.stack([tokenize(row) for row in texts]),
            "teacher_text_raw": raw,
            "gauss": trainer.regulation.aggregation.weights,
        }

    def untrained(self, trainer: Any) -> dict[str, Any]:
        """An evaluation before the first step."""
        return {"eval_logits_init": self.logits(trainer)}

    @torch.no_grad()
    def logits(self, trainer: Any) -> Tensor:
        """The logits that a test uses."""
        return trainer.model_inference(self.images)

    @torch.no_grad()
    def evaluation(self, trainer: Any, which: str) -> dict[str, Any]:
        """An evaluation after training, of the training's classes or of novel ones."""
        found = {f"eval_logits_{which}": self.logits(trainer)}
        if trainer.model.classes_are_fixed:
            found[f"eval_text_features_{which}"] = trainer.model.class_features()
        return found

    def training(self, trainer: Any) -> dict[str, Any]:
        """What the steps and epochs recorded, in the shapes of the goldens."""
        steps, epochs = trainer.steps, trainer.epochs
        per_epoch = len(steps) // len(epochs)
        ours: dict[str, Any] = {"loss": self.table(trainer, [s["loss"] for s in steps])}
        for name in steps[0]["losses"]:
            ours[name] = self.table(trainer, [s["losses"][name] for s in steps])
        for who in ("student", "teacher"):
            if steps[0][who] is not None:
                ours[f"logits_{who}"] = self.table(trainer, [s[who].logits for s in steps])
                for tower in ("text", "image"):
                    ours[f"step0_{who}_{tower}"] = getattr(steps[0][who], tower)
        ours |= self.parameters("grad/step0", steps[0]["grad"])
        for k, epoch in enumerate(epochs, 1):
            ours |= self.parameters(f"param/epoch{k}", epoch["raw"])
        for group, name in enumerate(("", "_new")[: len(steps[0]["lr"])]):
            ours[f"lr_epoch{name}"] = [s["lr"][group] for s in steps[::per_epoch]]
            ours[f"lr_after{name}"] = [epoch["lr_after"][group] for epoch in epochs]
        return ours

    @staticmethod
    def table(trainer: Any, values: list[Any]) -> np.ndarray:
        """A value a step -> (epochs, steps, ...)"""
        stacked = np.stack([np.asarray(v.detach() if isinstance(v, Tensor) else v) for v in values])
        epochs = len(trainer.epochs)
        return stacked.reshape(epochs, len(values) // epochs, *stacked.shape[1:])


def replay_of(
    case: Mapping[str, Any], output: Path, golden: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Everything that our trainer of a case computes, by the names of the recording."""
    return Replay.by_trainer.get(case["trainer"], Replay)(case, output, golden).run()
