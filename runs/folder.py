"""A run's folder answers one question: its configuration lies beside its log, and a run with another one stops.

    output/.../seed1/log.txt  config.yaml  VLPromptLearner/model.pth.tar-20

`config.yaml` is the whole configuration, which `--config-file` takes again.
"""

import contextlib
import fcntl
import os
import re
import sys
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import yaml
from yacs.config import CfgNode

from promptsrc.files import replacing
from runs.results import TESTED, parse_run
from runs.yaml_file import read_settings

NAME = "config.yaml"
LOCK = ".lock"  # held by the process that works in the folder
# What changes neither prompts nor accuracy, but where and how fast they are made, and what is printed.
FREE = {
    "OUTPUT_DIR",
    "RESUME",
    "USE_CUDA",
    "VERBOSE",
    "DATASET.ROOT",
    "DATALOADER.CACHE_MB",
    "DATALOADER.NUM_WORKERS",
    "DATALOADER.TEST.BATCH_SIZE",
    "MODEL.BACKBONE.CACHE",
    "MODEL.COMPILE",
    "MODEL.TEXTS_AT_ONCE",
    "TRAIN.PRINT_FREQ",
    "TRAIN.CHECKPOINT_FREQ",
    "TRAIN.CHECKPOINT_MINUTES",
    "DETERMINISTIC",
    "TEST.PER_CLASS_RESULT",
    "TEST.COMPUTE_CMAT",
}
# What a method's settings say of its training, and not of the prompts that a test loads.
OF_TRAINING = re.compile(r"\.(PREC|GPA_\w+|\w+_LOSS_WEIGHT)$")


@contextlib.contextmanager
def held(cfg: CfgNode) -> Iterator[None]:
    """The output folder for the time of a run, which logs there; one that fails with nothing to lose leaves nothing.

    Raises:
        ValueError: another process works there, or a run with another configuration has begun there.
        OSError: it can't be made.
    """
    folder = Path(cfg.OUTPUT_DIR)
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"--output-dir (OUTPUT_DIR) is {folder}, which can't be made a folder ({error.strerror}); use another"
        ) from None
    try:
        with _locked(folder):
            _clear_stump(folder)
            before = set(folder.iterdir())
            try:
                claim(cfg)
                with _logged(folder):
                    yield
            except BaseException:
                _clear_stump(folder, before)
                raise
    finally:
        with contextlib.suppress(OSError):  # what has something in it stays
            for parent in made:
                parent.rmdir()


def _clear_stump(folder: Path, kept: Container[Path] = ()) -> None:
    """Delete what a start left that came to nothing, but for what is `kept`; foreign files stay.

    A log that stayed would send the next run's into log.txt-<time>, which the field's parser does not read.
    """
    if not has_begun(folder) and _is_of_a_run(folder / NAME):
        for file in [
            *folder.glob("log.txt"),
            *folder.glob("log.txt-*"),
            *folder.glob("tensorboard/events.*"),
            folder / NAME,
        ]:
            if file not in kept:
                file.unlink(missing_ok=True)
        if (tensorboard := folder / "tensorboard").is_dir() and not any(tensorboard.iterdir()):
            tensorboard.rmdir()


_locks: set[TextIO] = set()


def _forget_locks() -> None:
    """In a forked process: one that loads images outlives a killed run by seconds, and would hold its folder so long."""
    while _locks:
        _locks.pop().close()


os.register_at_fork(after_in_child=_forget_locks)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The folder for one process alone; the system gives it back when that dies.

    Raises:
        ValueError: another process has it.
    """
    path = folder / LOCK
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = _is_at(path, file.fileno())  # and not a lock that a run has just deleted
        except BlockingIOError:
            free = False
        except OSError:  # a file system without locks
            free = True
        if not free:
            raise ValueError(
                f"another run works in {folder}; wait for its end, or use another --output-dir"
            )
        _locks.add(file)
        try:
            yield
        finally:
            _locks.discard(file)
            path.unlink(missing_ok=True)


def _is_at(path: Path, descriptor: int) -> bool:
    return path.is_file() and os.path.samestat(path.stat(), os.fstat(descriptor))


@contextlib.contextmanager
def _logged(folder: Path) -> Iterator[None]:
    """Standard output goes to a log as well."""
    from dassl.utils import setup_logger  # imports PyTorch

    console = sys.stdout
    setup_logger(str(folder))
    try:
        yield
    finally:
        sys.stdout.close()
        sys.stdout = console


def claim(cfg: CfgNode) -> None:
    """Take the output folder for this run, and leave `config.yaml` in it.

    Raises:
        ValueError: a run with another configuration has begun there, or its `config.yaml` is of something else.
        OSError: it can't be written.
    """
    folder = Path(cfg.OUTPUT_DIR)
    file = folder / NAME
    if has_begun(folder) and file.is_file():
        if changed := differences(file, plain(cfg)):
            raise ValueError(
                f"{folder} holds a run with another configuration: {changed}; use another --output-dir, or delete it"
            )
        return
    if file.is_file() and not _is_of_a_run(file):
        raise ValueError(
            f"{file} is not the configuration of a run; use another --output-dir, or move it away"
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with replacing(file) as part:
            part.write_text(cfg.dump(), encoding="utf-8")
    except OSError as error:
        raise OSError(
            f"{file} can't be written ({error.strerror}); make room there, or use another --output-dir"
        ) from None


def _is_of_a_run(file: Path) -> bool:
    """Whether it is a `config.yaml` that a run has left."""
    try:
        return file.is_file() and {"DATASET", "OUTPUT_DIR", "TRAINER"} <= read_settings(file).keys()
    except ValueError:
        return False


def check_model(cfg: CfgNode) -> None:
    """See that the run in MODEL_DIR trained what is to be evaluated; one without `config.yaml` passes.

    Raises:
        ValueError: it is a run of another method, backbone, seed or number of shots, or with other prompts.
    """
    file = Path(cfg.MODEL_DIR) / NAME
    if not cfg.MODEL_DIR or not file.is_file():
        return
    here, node = plain(cfg), f"TRAINER.{cfg.TRAINER.NAME.upper()}."
    keys = [
        "MODEL.BACKBONE.NAME",
        *(key for key in here if key.startswith(node) and not OF_TRAINING.search(key)),
    ]
    keys += [key for key in ("SEED", "DATASET.NUM_SHOTS") if here[key] >= 0]
    method, settings = ({key: here[key] for key in names} for names in (["TRAINER.NAME"], keys))
    if changed := differences(file, method) or differences(file, settings):
        raise ValueError(
            f"--model-dir {cfg.MODEL_DIR} is not of a run with these settings: {changed}"
        )


def check_resumed(cfg: CfgNode) -> None:
    """See that the run in RESUME is this very run; one without `config.yaml` passes.

    Raises:
        ValueError: it has another configuration.
    """
    file = Path(cfg.RESUME) / NAME
    elsewhere = cfg.RESUME and os.path.realpath(cfg.RESUME) != os.path.realpath(cfg.OUTPUT_DIR)
    if elsewhere and file.is_file() and (changed := differences(file, plain(cfg))):
        raise ValueError(
            f"--resume {cfg.RESUME} is not of a run with this configuration: {changed}"
        )


def has_begun(folder: Path) -> bool:
    """Whether there is a checkpoint or a result to lose."""
    return any(folder.glob("*/model*.pth.tar*")) or parse_run(folder, TESTED) is not None


def same_question(cfg: CfgNode) -> bool:
    """Whether what is in the output folder was run with this configuration, as far as one can know."""
    file = Path(cfg.OUTPUT_DIR) / NAME
    return not file.is_file() or not differences(file, plain(cfg))


def differences(file: Path, here: Mapping[str, Any]) -> str:
    """`KEY (there: old, here: new)` of each key that the run of this `config.yaml` had otherwise.

    A key that it does not have is a later addition to the configuration, and counts as equal.

    Raises:
        ValueError: the file is not what a run leaves.
    """
    try:
        there = flat(read_settings(file))
    except (ValueError, RecursionError):
        raise ValueError(
            f"{file} is not the configuration of a run; restore or delete it"
        ) from None
    return ", ".join(
        f"{key} (there: {there[key]}, here: {value})"
        for key, value in here.items()
        if key not in FREE and key in there and not _equal(key, there[key], value)
    )


def _equal(key: str, old: Any, new: Any) -> bool:
    if key == "MODEL_DIR" and old and new:
        return os.path.abspath(old) == os.path.abspath(new)
    return old == new


def plain(cfg: CfgNode) -> dict[str, Any]:
    """Dotted key: value, the value as YAML gives it back."""
    return flat(yaml.safe_load(cfg.dump()))


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found = {}
    for key, value in nested.items():
        found |= (
            flat(value, f"{prefix}{key}.")
            if isinstance(value, Mapping)
            else {f"{prefix}{key}": value}
        )
    return found
