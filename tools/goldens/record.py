"""Records what somebody's trainer computes; runs beside their script, in its process.

Imports nothing of this project but the module of seeded inputs, by its path.
"""

import json
import runpy
from collections import defaultdict

import numpy as np
import torch
from torch import nn

STEPS, TESTED = 3, 6  # batches of an epoch, images of a test
MOST = 60_000  # elements of a matrix that is recorded whole
STD = 0.1  # of what starts at random


class Recorder:
    """Gives a trainer seeded images and a seeded start, and notes what comes of them."""

    def __init__(self, trainer, given):
        self.trainer, self.given, self.arrays = trainer, given, defaultdict(list)
        self.draw, self.seeds = runpy.run_path(given["inputs"]), given["seeds"]
        [(self.name, self.learned)] = trainer._models.items()
        whole = trainer.model.named_modules() if isinstance(trainer.model, nn.Module) else ()
        path = next((path for path, module in whole if module is self.learned), "")
        self.prefix = f"{path}." if path else ""
        self.classes = list(trainer.dm.dataset.classnames)
        texts = getattr(self.learned, "tokenized_prompts", None)
        self.texts = {} if texts is None else {"tokenized_prompts": texts.cpu().numpy()}

    def images(self, part, count):
        size = self.trainer.cfg.INPUT.SIZE[0]
        return torch.from_numpy(self.draw["images"](self.seeds[part], count, size))

    def use_batches(self):
        """Seeded batches in place of the dataset's."""
        size = self.trainer.cfg.DATALOADER.TRAIN_X.BATCH_SIZE
        count = size * STEPS
        images = self.images("train_images", count)
        self.labels = self.draw["labels"](self.seeds["train_labels"], count, len(self.classes))
        labels, nowhere = torch.from_numpy(self.labels), torch.zeros(size, dtype=torch.long)
        self.trainer.train_loader_x = [
            {
                "img": images[i : i + size],
                "label": labels[i : i + size],
                "domain": nowhere,
                "impath": [""] * size,
                "index": torch.arange(i, i + size),
            }
            for i in range(0, count, size)
        ]
        self.arrays["train_labels"] = self.labels

    def parameters(self):
        return {f"{self.prefix}{name}": p for name, p in self.learned.named_parameters()}

    def reached(self):
        """Names of the parameters that have a gradient after one step."""
        t = self.trainer
        t.epoch, t.batch_idx, t.num_batches, t.max_epoch = 0, 0, STEPS, t.cfg.OPTIM.MAX_EPOCH
        t.set_model_mode("train")
        t.forward_backward(t.train_loader_x[0])
        return [name for name, p in self.parameters().items() if p.grad is not None]

    def start(self, scout):
        """Draw what two builds do not start alike, of the parameters that a loss reaches."""
        first = {name: p.detach().clone() for name, p in scout.parameters().items()}
        self.names = scout.reached()
        mine = self.parameters()
        at_random = [name for name in self.names if not torch.equal(mine[name], first[name])]
        self.shapes = {name: list(mine[name].shape) for name in at_random}
        values = self.draw["prompt_init"](self.seeds["injected"], self.shapes, std=STD)
        for name, value in values.items():
            mine[name].data.copy_(torch.from_numpy(value))
        self.note("param/init")

    def note(self, group, of=lambda p: p):
        for name in self.names:
            value = of(self.parameters()[name]).detach().cpu().numpy().copy()
            if value.size <= MOST:
                self.arrays[f"{group}/{name}"] = value
                continue
            wide = value.astype(np.float64)
            for part, values in (
                ("rowsum", wide.sum(1)),
                ("colsum", wide.sum(0)),
                ("corner", value[:16, :16]),
            ):
                self.arrays[f"{group}/{name}#{part}"] = values

    @torch.no_grad()
    def logits(self):
        self.trainer.set_model_mode("eval")
        images = self.images("eval_images", TESTED).to(self.trainer.device)
        return self.trainer.model_inference(images).float().cpu().numpy()

    def watch_training(self):
        """Note losses and rates in each step, parameters after each epoch."""
        t, step, train = self.trainer, self.trainer.forward_backward, self.trainer.train

        def rates(when):
            groups = t._optims[self.name].param_groups
            for group, kind in zip(groups, ("", "_new"), strict=False):
                self.arrays[f"lr_{when}{kind}"].append(group["lr"])

        def forward_backward(batch):
            if t.batch_idx == 0:
                rates("epoch")
            logged = step(batch)
            for name, value in logged.items():
                if name.startswith("loss"):
                    self.arrays[name].append(float(value))
            if t.epoch == t.batch_idx == 0:
                self.note("grad/step0", lambda p: p.grad)
            if t.batch_idx + 1 == t.num_batches:
                rates("after")
                if t.epoch + 1 < t.max_epoch:  # after the last one they may be averaged
                    self.note(f"param/epoch{t.epoch + 1}")
            return logged

        def recorded_train():
            self.arrays |= self.texts | {"eval_logits_init": self.logits()}
            train()
            self.note("param/final")
            self.arrays["eval_logits_train"] = self.logits()
            for name, values in self.arrays.items():
                if name.startswith("loss"):
                    self.arrays[name] = np.reshape(values, (-1, STEPS))
            self.save()

        t.forward_backward, t.train = forward_backward, recorded_train

    def watch_test(self):
        """Note a test of new classes."""

        def test(*arguments, **how):
            self.arrays |= {f"{name}_novel": value for name, value in self.texts.items()}
            self.arrays["eval_logits_novel"] = self.logits()
            self.save()
            return 0.0

        self.trainer.test = test

    def save(self):
        np.savez_compressed(self.given["arrays"], **self.arrays)
        t, facts = self.trainer, {"classes": self.classes, "folder": self.name}
        facts |= {"prefix": self.prefix, "config": plain(t.cfg), "epochs": t.cfg.OPTIM.MAX_EPOCH}
        if not self.given["novel"]:
            facts |= {"labels": self.labels.tolist(), "injected": self.shapes}
            every = self.parameters()
            facts["trainable"] = {name: list(every[name].shape) for name in self.names}
        with open(self.given["facts"], "w", encoding="utf-8") as file:
            json.dump(facts, file)


def plain(node):
    """A configuration as nested dicts and lists."""
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    return list(node) if isinstance(node, tuple) else node


def record(given):
    """Trainers that are built from now on are recorded."""
    import dassl.engine

    torch.set_num_threads(1)
    build = dassl.engine.build_trainer

    def build_trainer(*arguments, **how):
        if given["novel"]:
            recorder = Recorder(build(*arguments, **how), given)
            recorder.watch_test()
            return recorder.trainer
        recorders = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            recorders.append(Recorder(build(*arguments, **how), given))
            recorders[-1].use_batches()
        scout, recorder = recorders
        recorder.start(scout)
        recorder.watch_training()
        return recorder.trainer

    dassl.engine.build_trainer = build_trainer
