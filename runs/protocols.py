"""The runs of the four benchmarks: what each calls train.py with, where its result stands, what it waits for."""

import contextlib
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import yaml

from runs import layout
from runs.folder import same_question
from runs.results import TESTED, TRAINED, parse_run

if TYPE_CHECKING:
    from yacs.config import CfgNode

HERE = Path(os.path.relpath(Path(__file__).parents[1]))
CONFIGS = HERE / "configs"
SHOTS = 16  # of all benchmarks but few-shot
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
# What a run's folder or flags say already; KEY VALUE pairs, which come last, would run something else there.
FIXED = {
    "DATASET.NUM_SHOTS": "--shots, or a script's SHOTS",
    "DATASET.SUBSAMPLE_CLASSES": "another benchmark or script",
    "DATASET.NAME": "--datasets, or a script's DATASET",
    "DATASET.ROOT": "--root, or DATA for scripts",
    "SEED": "--seeds, or a script's SEED",
    "OUTPUT_DIR": "--output; scripts write to output/",
    "TRAINER.NAME": "--methods, or another method's script",
    "MODEL_DIR": "--output, or a script's WEIGHTS",
    "LOAD_EPOCH": "LOADEP for scripts; a sweep loads the last",
}


@dataclass(frozen=True)
class Job:
    """One run of train.py."""

    words: tuple[str, ...]  # of its command line
    folder: Path
    end_signals: tuple[str, ...]  # the log lines behind which its result stands
    needs: "Job | None" = None

    @property
    def command(self) -> list[str]:
        return train_command(self.words)

    def accuracy(self) -> float | None:
        """In percent; None until the run is finished."""
        result = parse_run(self.folder, self.end_signals)
        return result and result[1]

    def is_finished(self) -> bool:
        """Whether the folder has the result of this very run; where it is that of another, train.py says so and stops."""
        return self.accuracy() is not None and same_question(self.config())

    def config(self) -> "CfgNode":
        """What train.py makes of the command line.

        Raises:
            ValueError, OSError: it will refuse it.
        """
        from runs.arguments import (
            parse_args,
            setup_config,
        )  # they import PyTorch, which takes seconds

        return setup_config(parse_args(self.words))


def train_command(words: Iterable[str]) -> list[str]:
    return [sys.executable, str(HERE / "train.py"), *words]


class Setting(NamedTuple):
    """A method's settings in a benchmark."""

    file: Path
    pairs: tuple[str, ...]

    @property
    def last_epoch(self) -> int:
        pairs = dict(zip(self.pairs[::2], self.pairs[1::2], strict=False))
        return _whole(
            pairs.get("OPTIM.MAX_EPOCH")
            or yaml.safe_load(self.file.read_text())["OPTIM"]["MAX_EPOCH"]
        )


def _whole(epoch: str | int) -> int:
    """As train.py reads it: 1.0 is 1."""
    with contextlib.suppress(ValueError):
        if float(epoch).is_integer():
            return int(float(epoch))
    raise ValueError(f"OPTIM.MAX_EPOCH is {epoch!r}; it takes a whole number")


@functools.cache
def published_settings() -> dict[str, dict]:
    """`configs/benchmarks.yaml`: entries by benchmark and method."""
    return yaml.safe_load((CONFIGS / "benchmarks.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Method:
    """A trainer, and what all its runs have in common.

    Raises:
        ValueError: the pairs set what a run's folder says.
    """

    trainer: str
    root: str
    output: Path = Path("output")
    configs: str = (
        ""  # method file by the start of its name; empty: the published one of each benchmark
    )
    pairs: tuple[str, ...] = ()  # KEY VALUE pairs of all runs
    load_epoch: int | None = None  # that tests load; None: the last

    def __post_init__(self) -> None:
        if taken := [key for key in self.pairs[::2] if key in FIXED]:
            raise ValueError(
                f"{taken[0]} is what a run's folder says, not for KEY VALUE pairs; use {FIXED[taken[0]]}"
            )

    @property
    def is_learned(self) -> bool:
        return not self.trainer.startswith("ZeroshotCLIP")

    @property
    def variant(self) -> str:
        """The folder that CoOp has for its context."""
        return "nctx16_cscFalse_ctpend" if self.trainer == "CoOp" else ""

    def setting(self, benchmark: str, dataset: str, shots: int = SHOTS) -> Setting:
        """As `configs/benchmarks.yaml` says, and the pairs of all runs behind it.

        Raises:
            ValueError: no such method or method file.
        """
        methods = published_settings()[benchmark]
        if self.trainer not in methods and not (CONFIGS / "trainers" / self.trainer).is_dir():
            raise ValueError(
                f"{benchmark} knows no method {self.trainer!r}; it is one of {', '.join(methods)}, "
                "or has a folder of its own in configs/trainers"
            )
        entry = dict(methods.get(self.trainer, {"config": ""}))
        for part in (shots, dataset):
            entry |= entry.get(part) or {}
        published = entry.pop("config")
        pairs = [
            str(word)
            for key, value in entry.items()
            if not isinstance(value, dict)
            for word in (key, value)
        ]
        return Setting(method_file(self.trainer, self.configs or published), (*pairs, *self.pairs))

    def train(self, folder: str, setting: Setting, dataset: str, seed: int, *pairs: str) -> Job:
        words = self._words(folder, setting, dataset, "--seed", str(seed))
        return Job((*words, *pairs, *setting.pairs), self.output / folder, TRAINED)

    def test(
        self,
        folder: str,
        setting: Setting,
        dataset: str,
        seed: int,
        *pairs: str,
        model: Job | Path | None = None,
    ) -> Job:
        """A test of another run, ours or one that is there."""
        words = self._words(folder, setting, dataset, "--seed", str(seed), "--eval-only")
        needs = model if isinstance(model, Job) else None
        if self.is_learned:
            epoch = setting.last_epoch if self.load_epoch is None else self.load_epoch
            words += (
                "--model-dir",
                str(needs.folder if needs else model),
                "--load-epoch",
                str(epoch),
            )
        return Job(
            (*words, *pairs, *setting.pairs),
            self.output / folder,
            TESTED,
            needs if self.is_learned else None,
        )

    def zero_shot(self, dataset: str, setting: Setting) -> Job:
        folder = layout.zero_shot(dataset, self.trainer, setting.file.stem)
        return Job(
            (*self._words(folder, setting, dataset, "--eval-only"), *setting.pairs),
            self.output / folder,
            TESTED,
        )

    def _words(self, folder: str, setting: Setting, dataset: str, *flags: str) -> tuple[str, ...]:
        files = {
            "dataset-config-file": CONFIGS / "datasets" / f"{dataset}.yaml",
            "config-file": setting.file,
        }
        given = {
            "root": self.root,
            "trainer": self.trainer,
            **files,
            "output-dir": self.output / folder,
        }
        return (
            *(word for name, value in given.items() for word in (f"--{name}", str(value))),
            *flags,
        )


def method_file(trainer: str, start: str) -> Path:
    """The first method file of a trainer whose name starts so; zero-shot CLIP takes CoOp's, as in this field.

    Raises:
        ValueError: there is none.
    """
    folder = CONFIGS / "trainers" / ("CoOp" if trainer.startswith("ZeroshotCLIP") else trainer)
    files = sorted(folder.glob("*.yaml"))
    found = [file for file in files if file.name.startswith(start)]
    if not found:
        names = ", ".join(file.stem for file in files) or "no method files"
        raise ValueError(f"no method file of {trainer} starts with {start!r}; {folder} has {names}")
    if not start and len(found) > 1:
        names = ", ".join(file.stem for file in found)
        raise ValueError(f"{folder} has {names}; choose one with --configs")
    return found[0]


def base2new(method: Method, dataset: str, seed: int) -> list[Job]:
    """Train on the base classes with a test on them; test on the new ones."""
    setting = method.setting("base2new", dataset)
    tail = (dataset, method.trainer, setting.file.stem, SHOTS, seed)
    train = method.train(
        layout.base2new("train_base", *tail), setting, dataset, seed, *_data(SHOTS, "base")
    )
    return [train, base2new_test(method, dataset, seed, "new", train)]


def base2new_test(method: Method, dataset: str, seed: int, half: str, model: Job | Path) -> Job:
    setting = method.setting("base2new", dataset)
    folder = layout.base2new(
        f"test_{half}", dataset, method.trainer, setting.file.stem, SHOTS, seed
    )
    return method.test(folder, setting, dataset, seed, *_data(SHOTS, half), model=model)


def few_shot(method: Method, dataset: str, seed: int, shots: int) -> Job:
    """Train and test on all classes."""
    setting = method.setting("few-shot", dataset, shots)
    folder = layout.all_classes(
        dataset, method.trainer, setting.file.stem, shots, seed, method.variant
    )
    return method.train(folder, setting, dataset, seed, *_data(shots))


def few_shot_test(method: Method, dataset: str, seed: int, shots: int, model: Path) -> Job:
    setting = method.setting("few-shot", dataset, shots)
    folder = layout.all_classes(
        dataset, method.trainer, setting.file.stem, shots, seed, method.variant
    )
    return method.test(f"few_shot/{folder}", setting, dataset, seed, *_data(shots), model=model)


def source(method: Method, seed: int, dataset: str = "imagenet") -> Job:
    """Train on all classes of ImageNet, for tests elsewhere."""
    setting = method.setting("cross-dataset", dataset)
    folder = layout.all_classes(
        dataset, method.trainer, setting.file.stem, SHOTS, seed, method.variant
    )
    return method.train(folder, setting, dataset, seed, *_data(SHOTS))


def transfer(method: Method, dataset: str, seed: int, model: Job | Path) -> Job:
    """Test prompts of ImageNet on another dataset."""
    setting = method.setting("cross-dataset", dataset)
    folder = layout.transfer(
        dataset, method.trainer, setting.file.stem, SHOTS, seed, method.variant
    )
    return method.test(folder, setting, dataset, seed, *_data(SHOTS), model=model)


def _data(shots: int, half: str = "") -> tuple[str, ...]:
    return ("DATASET.NUM_SHOTS", str(shots), *(("DATASET.SUBSAMPLE_CLASSES", half) if half else ()))


def benchmark(
    name: str,
    method: Method,
    datasets: Sequence[str] = (),
    seeds: Iterable[int] = layout.SEEDS,
    shots: Iterable[int] = (),
) -> list[Job]:
    """The runs of a benchmark; by default on its own datasets, few-shot with 1, 2, 4, 8 and 16 shots.

    Of the datasets named, those of other benchmarks only are left out.

    Raises:
        ValueError: the benchmark has no settings for this method.
    """
    published = (*ELEVEN, *DOMAINS)
    datasets = [d for d in datasets or DATASETS[name] if d in DATASETS[name] or d not in published]
    if not datasets:
        return []
    if name == "base2new":
        return [
            job for dataset in datasets for seed in seeds for job in base2new(method, dataset, seed)
        ]
    if not method.is_learned:  # nothing depends on shots, seed or source
        with_source = datasets if name == "few-shot" else ("imagenet", *datasets)
        return [method.zero_shot(dataset, method.setting(name, dataset)) for dataset in with_source]
    if name == "few-shot":
        shots = shots or (1, 2, 4, 8, 16)
        return [
            few_shot(method, dataset, seed, k)
            for dataset in datasets
            for k in shots
            for seed in seeds
        ]
    sources = {seed: source(method, seed) for seed in seeds}
    return [
        *sources.values(),
        *(transfer(method, d, seed, sources[seed]) for d in datasets for seed in seeds),
    ]


def run_in_turn(todo: Iterable[Job]) -> int:
    """Run what is not finished; 0, or the exit code of the first that fails."""
    for job in todo:
        if job.is_finished():
            print(
                f"{job.folder} has a finished run ({job.accuracy():.1f}%); "
                "to start afresh, delete it or use another --output-dir"
            )
        elif code := call(job.command):
            return code
    return 0


def call(command: Sequence[str]) -> int:
    """Exit code of a run; what asks us to stop asks it, and we wait until it has saved."""
    with subprocess.Popen(command) as process:
        handlers = {
            signal.SIGTERM: lambda *_: process.terminate(),
            signal.SIGUSR1: lambda *_: process.send_signal(signal.SIGUSR1),
            signal.SIGINT: signal.SIG_IGN,  # the terminal's Ctrl-C reaches the run as well
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            return process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
