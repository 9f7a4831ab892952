"""The protocols of prompt learning as lists of runs.

base2new                train on half of the classes, test on both halves
few-shot                all classes, 1 to 16 images per class
cross-dataset           train on ImageNet, test on other datasets
domain-generalization   train on ImageNet, test on its variants
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

import yaml

from runs import layout
from runs.job import Job
from runs.results import TESTED, TRAINED
from runs.settings import CONFIGS, method_folder

SHOTS = 16  # of base2new, unless others are asked for, and of transfers
FEW_SHOTS = (1, 2, 4, 8, 16)
ELEVEN = (
    "imagenet",
    "caltech101",
    "oxford_pets",
    "stanford_cars",
    "oxford_flowers",
    "food101",
    "fgvc_aircraft",
    "sun397",
    "dtd",
    "eurosat",
    "ucf101",
)
DOMAINS = ("imagenetv2", "imagenet_sketch", "imagenet_a", "imagenet_r")
DATASETS = {
    "base2new": ELEVEN,
    "few-shot": ELEVEN,
    "cross-dataset": ELEVEN[1:],
    "domain-generalization": DOMAINS,
}
# Keys that the folder or the flags of a run say already, and what sets them.
FIXED = {
    "DATASET.NUM_SHOTS": "--shots, or a script's SHOTS",
    "DATASET.SUBSAMPLE_CLASSES": "another protocol or script",
    "DATASET.NAME": "--datasets, or a script's DATASET",
    "DATASET.ROOT": "--root, or DATA for scripts",
    "SEED": "--seeds, or a script's SEED",
    "OUTPUT_DIR": "--output (train.py: --output-dir); scripts write to output/",
    "TRAINER.NAME": "--methods (train.py: --trainer), or another script",
    "MODEL_DIR": "--output, or a script's WEIGHTS",
    "LOAD_EPOCH": "LOADEP for scripts; otherwise the last epoch is loaded, or the best_val one",
}


class Setting(NamedTuple):
    """The settings of a method in a protocol."""

    file: Path
    pairs: tuple[str, ...]

    @property
    def tested_epoch(self) -> int:
        """OPTIM.MAX_EPOCH, which may be written 20.0; -1, the best one, of runs that choose it.

        Raises:
            ValueError: it is not a whole number.
        """
        pairs, file = dict(zip(self.pairs[::2], self.pairs[1::2], strict=False)), _read(self.file)
        final = pairs.get("TEST.FINAL_MODEL") or file.get("TEST", {}).get("FINAL_MODEL")
        if final == "best_val":
            return -1
        epoch = pairs.get("OPTIM.MAX_EPOCH") or file["OPTIM"]["MAX_EPOCH"]
        try:
            if float(epoch).is_integer():
                return int(float(epoch))
        except ValueError:
            pass
        raise ValueError(f"OPTIM.MAX_EPOCH is {epoch!r}; it takes a whole number")


def _read(file: Path) -> dict:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def why_without(protocol: str, trainer: str) -> str:
    """Why a method has no such protocol, in a line; empty: it has."""
    published = published_settings()
    if not isinstance(reason := published[protocol].get(trainer), str):
        return ""
    others = [name for name, methods in published.items() if isinstance(methods.get(trainer), dict)]
    return f"{trainer} {reason}: it has no {protocol}; choose {' or '.join(others)}"


@functools.cache
def published_settings() -> dict[str, dict]:
    """`configs/protocols.yaml`: entries by protocol and method."""
    return _read(CONFIGS / "protocols.yaml")


def fixed_file(protocol: str, trainer: str) -> Path | None:
    """The method file of one setting for all datasets, where that is not the published choice."""
    entry = published_settings()[protocol].get(trainer)
    fixed = entry.get("fixed") if isinstance(entry, dict) else None
    return method_folder(trainer) / f"{fixed['config']}.yaml" if fixed else None


def method_file(trainer: str, start: str) -> Path:
    """The first method file of a trainer whose name starts so; zero-shot CLIP uses CoOp's.

    Raises:
        ValueError: there is none, or several and `start` is empty.
    """
    folder = method_folder(trainer)
    files = sorted(folder.glob("*.yaml"))
    found = [file for file in files if file.name.startswith(start)]
    if (start and found) or len(found) == 1:
        return found[0]
    if not files:
        others = ", ".join(sorted(path.name for path in folder.parent.iterdir()))
        raise ValueError(f"no method files of {trainer!r}; {folder.parent} has {others}")
    names = ", ".join(file.stem for file in files)
    if found:
        raise ValueError(f"{folder} has {names}; choose one with --configs (CFG for scripts)")
    raise ValueError(f"no method file of {trainer} starts with {start!r}; {folder} has {names}")


@dataclass(frozen=True)
class Method:
    """A trainer, and what all its runs have in common.

    Args:
        trainer: its name.
        root: folder of the datasets.
        output: folder for the results.
        file: a method file for all runs; None: the published one of each protocol.
        flags: more flags of train.py for all runs.
        pairs: KEY VALUE pairs for all runs.
        load_epoch: the epoch that tests load; None: the last one, or the one that best_val chose.
        weight: KgCoOp's or TCP's, where the folders of base-to-new name it.
        values: further pairs, which the folders name.

    Raises:
        ValueError: the pairs set what the folder of a run says.
    """

    trainer: str
    root: str
    output: Path = Path("output")
    file: Path | None = None
    flags: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    load_epoch: int | None = None
    weight: str = ""
    values: layout.Values = ()

    def __post_init__(self) -> None:
        for key in (*self.pairs[::2], *dict(self.values)):
            if key in FIXED:
                raise ValueError(
                    f"{key} is part of the folder's name, not for KEY VALUE pairs; use {FIXED[key]}"
                )

    @property
    def variant(self) -> str:
        """The folder that CoOp and ProGrad have for their context."""
        return "nctx16_cscFalse_ctpend" if self.trainer in ("CoOp", "ProGrad") else ""

    def setting(self, protocol: str, dataset: str, shots: int = SHOTS) -> Setting:
        """The settings in `configs/protocols.yaml`, followed by the pairs of all runs.

        With the method file of its `fixed` entry, that entry counts for every dataset.

        Raises:
            ValueError: the method has neither settings there nor a method file.
        """
        methods = published_settings()[protocol]
        if why_not := why_without(protocol, self.trainer):
            raise ValueError(why_not)
        own = CONFIGS / "trainers" / self.trainer
        if self.trainer not in methods and not self.file and not own.is_dir():
            raise ValueError(
                f"{protocol} has no settings for method {self.trainer!r}; choose one of "
                f"{', '.join(name for name in methods if not why_without(protocol, name))}, or a "
                "method file with --configs (CFG for scripts)"
            )
        entry = dict(methods.get(self.trainer, {}))
        fixed = entry.pop("fixed", {})
        if self.file and self.file.stem == fixed.get("config"):
            entry = dict(fixed)
        for part in (shots, dataset):
            entry |= entry.get(part) or {}
        published = entry.pop("config", "")
        keys = {key: value for key, value in entry.items() if not isinstance(value, dict)}
        pairs = (str(word) for pair in keys.items() for word in pair)
        file = self.file or method_file(self.trainer, published)
        varied = (word for pair in self.values for word in pair)
        return Setting(file, (*pairs, *self.pairs, *varied))

    def train(self, folder: str, setting: Setting, dataset: str, seed: int, *pairs: str) -> Job:
        """A training, with its test at the end."""
        words = (*self._flags(folder, setting, dataset), "--seed", str(seed))
        return Job((*words, *pairs, *setting.pairs), self.output / folder, TRAINED)

    def test(
        self,
        folder: str,
        setting: Setting,
        dataset: str,
        seed: int,
        *pairs: str,
        model: Job | Path,
    ) -> Job:
        """A test of the prompts of another run, planned or found."""
        words = (*self._flags(folder, setting, dataset), "--seed", str(seed), "--eval-only")
        needs = None
        if not layout.is_zero_shot(self.trainer):
            needs = model if isinstance(model, Job) else None
            epoch = setting.tested_epoch if self.load_epoch is None else self.load_epoch
            trained = str(model.folder if isinstance(model, Job) else model)
            words += ("--model-dir", trained, "--load-epoch", str(epoch))
        return Job((*words, *pairs, *setting.pairs), self.output / folder, TESTED, needs)

    def zero_shot(self, dataset: str, setting: Setting) -> Job:
        """A test without training."""
        folder = layout.zero_shot(dataset, self.trainer, setting.file.stem, self.values)
        words = (*self._flags(folder, setting, dataset), "--eval-only", *setting.pairs)
        return Job(words, self.output / folder, TESTED)

    def _flags(self, folder: str, setting: Setting, dataset: str) -> tuple[str, ...]:
        given = {
            "--root": self.root,
            "--trainer": self.trainer,
            "--dataset-config-file": CONFIGS / "datasets" / f"{dataset}.yaml",
            "--config-file": setting.file,
            "--output-dir": self.output / folder,
        }
        return (*self.flags, *(str(word) for pair in given.items() for word in pair))


def base2new(method: Method, dataset: str, seed: int, shots: int = SHOTS) -> list[Job]:
    """Train on the base classes and test on them; test on the new ones."""
    setting = method.setting("base2new", dataset)
    tail = (dataset, method.trainer, setting.file.stem, shots, seed, method.weight, method.values)
    folder = layout.base2new("train_base", *tail)
    train = method.train(folder, setting, dataset, seed, *_data(shots, "base"))
    return [train, base2new_test(method, dataset, seed, "new", train, shots)]


def base2new_test(
    method: Method, dataset: str, seed: int, half: str, model: Job | Path, shots: int = SHOTS
) -> Job:
    """Test on the base or the new classes."""
    setting = method.setting("base2new", dataset)
    tail = (dataset, method.trainer, setting.file.stem, shots, seed, method.weight, method.values)
    folder = layout.base2new(f"test_{half}", *tail)
    return method.test(folder, setting, dataset, seed, *_data(shots, half), model=model)


def few_shot(method: Method, dataset: str, seed: int, shots: int) -> Job:
    """Train and test on all classes."""
    setting = method.setting("few-shot", dataset, shots)
    folder = _all_classes(method, dataset, setting, shots, seed)
    return method.train(folder, setting, dataset, seed, *_data(shots))


def few_shot_test(method: Method, dataset: str, seed: int, shots: int, model: Path) -> Job:
    """Test on all classes."""
    setting = method.setting("few-shot", dataset, shots)
    folder = f"few_shot/{_all_classes(method, dataset, setting, shots, seed)}"
    return method.test(folder, setting, dataset, seed, *_data(shots), model=model)


def source(method: Method, seed: int, dataset: str = "imagenet") -> Job:
    """Train on all classes of ImageNet, for tests elsewhere."""
    setting = method.setting("domain-generalization", dataset)
    folder = _all_classes(method, dataset, setting, SHOTS, seed)
    return method.train(folder, setting, dataset, seed, *_data(SHOTS))


def transfer(method: Method, dataset: str, seed: int, model: Job | Path) -> Job:
    """Test the ImageNet prompts on another dataset."""
    protocol = "domain-generalization" if dataset in DOMAINS else "cross-dataset"
    setting = method.setting(protocol, dataset)
    tail = (dataset, method.trainer, setting.file.stem, SHOTS, seed, method.variant)
    folder = layout.transfer(*tail, method.values)
    return method.test(folder, setting, dataset, seed, *_data(SHOTS), model=model)


def _all_classes(method: Method, dataset: str, setting: Setting, shots: int, seed: int) -> str:
    tail = (dataset, method.trainer, setting.file.stem, shots, seed, method.variant)
    return layout.all_classes(*tail, method.values)


def _data(shots: int, half: str = "") -> tuple[str, ...]:
    return ("DATASET.NUM_SHOTS", str(shots), *(("DATASET.SUBSAMPLE_CLASSES", half) if half else ()))


def plan(
    protocol: str,
    method: Method,
    datasets: Sequence[str] = (),
    seeds: Iterable[int] = layout.SEEDS,
    shots: Sequence[int] = (),
) -> list[Job]:
    """The runs of a protocol.

    Args:
        datasets: those to run on, by default the protocol's own; datasets of other protocols are
            left out.
        shots: of few-shot, by default FEW_SHOTS, and of base2new, by default 16.

    Raises:
        ValueError: the protocol has no settings for this method.
    """
    others = {*ELEVEN, *DOMAINS} - set(DATASETS[protocol])
    datasets = [name for name in datasets or DATASETS[protocol] if name not in others]
    if not datasets:
        return []
    if protocol == "base2new":
        zero_shot = layout.is_zero_shot(method.trainer)  # shots change nothing
        runs = product(datasets, (not zero_shot and shots) or (SHOTS,), seeds)
        return [job for name, k, seed in runs for job in base2new(method, name, seed, k)]
    if layout.is_zero_shot(method.trainer):  # shots, seed and source change nothing
        tested = datasets if protocol == "few-shot" else ["imagenet", *datasets]
        return [method.zero_shot(name, method.setting(protocol, name)) for name in tested]
    if protocol == "few-shot":
        runs = product(datasets, shots or FEW_SHOTS, seeds)
        return [few_shot(method, name, seed, k) for name, k, seed in runs]
    sources = {seed: source(method, seed) for seed in seeds}
    tests = [transfer(method, name, s, job) for name in datasets for s, job in sources.items()]
    return [*sources.values(), *tests]
