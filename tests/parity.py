"""Replay recorded cases of the reference implementation through our trainers.

    python -m tests.parity DIR

DIR has cases.json and the arrays of its cases (tests/goldens/README.md). Prints a line per array:
case, array, largest absolute and relative difference, and what is allowed.
Exit code 1: an array differs more than allowed.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor

from promptsrc.clip.text import tokenize
from promptsrc.clip.tokens import readable
from promptsrc.command import Parser
from promptsrc.model import Encoded
from promptsrc.regulation import diverse_features
from promptsrc.templates import DATASETS, TEACHER
from runs.config import default_config
from tests import tiny_clip

KINDS = {  # kind of tolerance by start of the array's name; ids and labels are exact
    r"param/": "param",
    r"grad/": "grad",
    r"loss": "loss",
    r"logits_|eval_logits": "logits",
    r"step0_|eval_text_features|text_features/": "features",
    r"lr_": "lr",
    r"gauss": "gauss",
    r"teacher_text_raw": "teacher_text_raw",
}


@dataclass(frozen=True)
class Difference:
    """How much ours differs from one recorded array."""

    case: str
    array: str
    absolute: float
    relative: float
    allowed: float

    @property
    def fits(self) -> bool:
        """Whether the difference is allowed."""
        return self.absolute <= self.allowed

    def __str__(self) -> str:
        verdict = "ok" if self.fits else "BEYOND"
        differences = f"{self.absolute:.2e}  {self.relative:.2e}  {self.allowed:.0e}"
        return f"{self.case}  {self.array}  {differences}  {verdict}"


def replay(
    folder: Path, case: Mapping[str, Any], tolerances: Mapping[str, float]
) -> Iterator[Difference]:
    """The difference of every recorded array of a case; infinite if ours lacks the array."""
    name = Path(case["file"]).stem
    golden = np.load(folder / case["file"])
    replayer = _replay_zeroshot if "datasets" in case else _replay_training
    with tempfile.TemporaryDirectory() as output, redirect_stdout(StringIO()):
        ours = replayer(case, Path(output))
    for array in sorted(golden.files):
        yield _compare(name, array, ours, golden[array], _tolerance(array, tolerances))


def _tolerance(array: str, tolerances: Mapping[str, float]) -> float:
    return next(
        (tolerances[kind] for pattern, kind in KINDS.items() if re.match(pattern, array)), 0.0
    )


def _compare(
    case: str, array: str, ours: Mapping[str, Any], golden: np.ndarray, allowed: float
) -> Difference:
    value = _value(array, ours)
    if value is None or value.shape != golden.shape:
        return Difference(case, array, np.inf, np.inf, allowed)
    absolute = np.abs(value.astype(np.float64) - golden.astype(np.float64))
    relative = absolute / np.maximum(np.abs(golden.astype(np.float64)), 1e-12)
    return Difference(case, array, float(absolute.max()), float(relative.max()), allowed)


def _value(array: str, ours: Mapping[str, Any]) -> np.ndarray | None:
    """Our array of this name, or the sums that represent a large one."""
    name, _, part = array.partition("#")
    if name not in ours:
        return None
    value = ours[name]
    value = value.detach().float().numpy() if isinstance(value, Tensor) else np.asarray(value)
    if not part:
        return value
    wide = value.astype(np.float64)
    return {"rowsum": wide.sum(1), "colsum": wide.sum(0), "corner": value[:16, :16]}[part]


drawn = lru_cache(maxsize=2)(tiny_clip.tiny_clip_state_dict)  # weights of the latest cases


def config_of(case: Mapping[str, Any], output: Path) -> Any:
    """The configuration of the case, with its tiny weights instead of a download."""
    cfg = default_config()
    _assign(cfg, case["config"])
    state = drawn(case["clip"]["seed"], **case["clip"]["kwargs"])
    if tiny_clip.fingerprint(state) != case["clip"]["fingerprint"]:
        raise RuntimeError(
            "the weights drawn here are not those of the recording, so nothing can be compared"
        )
    weights = output / "weights.pt"
    torch.save(state, weights)
    cfg.MODEL.BACKBONE.NAME = str(weights)
    cfg.TRAINER.NAME = case["trainer"]
    cfg.OUTPUT_DIR = str(output)
    cfg.USE_CUDA = False
    return cfg


def _assign(node: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping):
            _assign(node[key], value)
        else:
            node[key] = value


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
            record.append({"student": student, "teacher": teacher, "losses": losses})
            return losses

        def optimize(self, loss: Tensor) -> None:
            self.steps[-1] |= {"loss": loss, "lr": self.optim.param_groups[0]["lr"]}
            super().optimize(loss)
            gradients = {n: p.grad for n, p in self.prompts.named_parameters()}
            self.steps[-1]["grad"] = {n: g.clone() for n, g in gradients.items() if g is not None}

        def end_epoch(self) -> None:
            epochs = self.__dict__.setdefault("epochs", [])
            raw = {n: p.detach().clone() for n, p in self.prompts.named_parameters()}
            epochs.append({"raw": raw, "lr_after": self.optim.param_groups[0]["lr"]})
            super().end_epoch()

    return Recorded


def batches_of(case: Mapping[str, Any]) -> list[dict[str, Tensor]]:
    """The training batches of a case."""
    spec, size = case["train_images"], case["batch_size"]
    images = torch.from_numpy(tiny_clip.images(spec["seed"], spec["n"], spec["resolution"]))
    labels = torch.tensor(case["train_labels"]["values"])
    starts = range(0, case["num_batches"] * size, size)
    return [{"img": images[i : i + size], "label": labels[i : i + size]} for i in starts]


def eval_images_of(case: Mapping[str, Any]) -> Tensor:
    """The test images of a case (N, 3, R, R)."""
    spec = case["eval_images"]
    return torch.from_numpy(tiny_clip.images(spec["seed"], spec["n"], spec["resolution"]))


def _replay_training(case: Mapping[str, Any], output: Path) -> dict[str, Any]:
    cfg, batches, images = config_of(case, output), batches_of(case), eval_images_of(case)
    base, names = TRAINER_REGISTRY.get(case["trainer"]), case["class_names"]
    trainer = recorded(base, names, batches)(cfg)
    prefix = case["checkpoint"]["state_dict_prefix"]
    _inject(trainer.prompts, case, prefix)
    ours = {"train_labels": case["train_labels"]["values"]}
    ours |= _parameters("param/init", dict(trainer.prompts.named_parameters()), prefix)
    ours["tokenized_prompts"] = trainer.model.texts.tokens
    ours |= _teacher(trainer)
    ours["eval_logits_init"] = _logits(trainer, images)
    trainer.train()
    ours |= _training(trainer, prefix) | _evaluation(trainer, images, "train")
    ours |= _parameters("param/final", dict(trainer.prompts.named_parameters()), prefix)
    if novel := case["novel_class_names"]:
        fresh = recorded(base, novel, batches)(cfg)
        fresh.load_model(str(output), case["checkpoint"]["epoch_value"])
        ours |= _evaluation(fresh, images, "novel")
        ours["tokenized_prompts_novel"] = fresh.model.texts.tokens
    return ours


def _inject(prompts: torch.nn.Module, case: Mapping[str, Any], prefix: str) -> None:
    injected = case["injected"]
    shapes = {name: spec["shape"] for name, spec in injected["params"].items()}
    stds = {name: spec["std"] for name, spec in injected["params"].items()}
    values = tiny_clip.prompt_init(injected["seed"], shapes, stds=stds)
    for name, value in values.items():
        prompts.get_parameter(name.removeprefix(prefix)).data.copy_(torch.from_numpy(value))


def _parameters(group: str, values: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {f"{group}/{prefix}{name}": value.detach().clone() for name, value in values.items()}


def _teacher(trainer: Any) -> dict[str, Any]:
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


@torch.no_grad()
def _logits(trainer: Any, images: Tensor) -> Tensor:
    return trainer.model_inference(images)


@torch.no_grad()
def _evaluation(trainer: Any, images: Tensor, which: str) -> dict[str, Tensor]:
    found = {f"eval_logits_{which}": _logits(trainer, images)}
    if trainer.model.classes_are_fixed:
        found[f"eval_text_features_{which}"] = trainer.model.class_features()
    return found


def _training(trainer: Any, prefix: str) -> dict[str, Any]:
    """What the steps and epochs recorded, in the shapes of the goldens."""
    steps, epochs = trainer.steps, trainer.epochs
    per_epoch = len(steps) // len(epochs)

    def table(values: list[Any]) -> np.ndarray:
        stacked = np.stack([np.asarray(v.detach() if isinstance(v, Tensor) else v) for v in values])
        return stacked.reshape(len(epochs), per_epoch, *stacked.shape[1:])

    ours: dict[str, Any] = {"loss": table([s["loss"] for s in steps])}
    ours |= {name: table([s["losses"][name] for s in steps]) for name in steps[0]["losses"]}
    for who in ("student", "teacher"):
        if steps[0][who] is not None:
            ours[f"logits_{who}"] = table([s[who].logits for s in steps])
            for tower in ("text", "image"):
                ours[f"step0_{who}_{tower}"] = getattr(steps[0][who], tower)
    ours |= _parameters("grad/step0", steps[0]["grad"], prefix)
    for k, epoch in enumerate(epochs, 1):
        ours |= _parameters(f"param/epoch{k}", epoch["raw"], prefix)
    ours["lr_epoch"] = [s["lr"] for s in steps[::per_epoch]]
    ours["lr_after"] = [epoch["lr_after"] for epoch in epochs]
    return ours


def _replay_zeroshot(case: Mapping[str, Any], output: Path) -> dict[str, Any]:
    ours, images, names = {}, eval_images_of(case), case["class_names"]
    cfg = config_of(case, output)
    for dataset in case["datasets"]:
        assert dataset in DATASETS
        cfg.DATASET.NAME = dataset
        trainer = recorded(TRAINER_REGISTRY.get(case["trainer"]), names, [])(cfg)
        texts = [[t.replace("{}", readable(name)) for name in names] for t in trainer.templates()]
        ours[f"tokens/{dataset}"] = torch.stack([tokenize(row) for row in texts])
        ours[f"text_features/{dataset}"] = trainer.model.text
        ours[f"eval_logits/{dataset}"] = _logits(trainer, images)
    return ours


def load_cases(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """The cases of a folder, and the tolerances by precision."""
    spec = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    return spec["cases"], spec["tolerances_max_abs"]


def main() -> int:
    """Its exit code."""
    parser = Parser(__doc__)
    parser.add_argument("directory", metavar="DIR", type=Path, help="folder of recorded cases")
    folder = parser.parse_args().directory
    if not (folder / "cases.json").is_file():
        parser.error(f"{folder} has no cases.json; give a folder such as tests/goldens")
    cases, tolerances = load_cases(folder)
    beyond = 0
    for case in cases.values():
        for difference in replay(folder, case, tolerances[case["precision"]]):
            print(difference)
            beyond += not difference.fits
    print(f"{beyond} arrays beyond their tolerance")
    return int(beyond > 0)


if __name__ == "__main__":
    sys.exit(main())
