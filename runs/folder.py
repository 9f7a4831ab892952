"""The output folder of a run: one process at a time, one configuration, one list of images.

output/.../seed1/log.txt  config.yaml  items.json  VLPromptLearner/model.pth.tar-20
"""

import json
import re
import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from yacs.config import CfgNode

from promptsrc.files import replacing
from runs import items, saved_config
from runs.results import TESTED, parse_run
from runs.yaml_file import read_yaml

if TYPE_CHECKING:
    from dassl.data.datasets import DatasetBase

# the temporary names of `promptsrc.files.replacing` and `dassl.utils.tools.replacing`
PART = re.compile(
    r"\.(config|items|results|features|checkpoint|model|unfinished|prompts)\b.*"
    r"\.([0-9a-f]{32}(\.[\w-]+)?|[a-z0-9_]{8})"
)
UNFINISHED = "unfinished.state"  # `dassl.utils.unfinished`, which imports PyTorch
OF_A_TEST = ("results.json", "features.npz")  # `trainers`, likewise
LOCK = ".lock"  # held by the process that works in the folder


class OtherItems(ValueError):
    """The images have changed since the run began."""


@contextmanager
def held(cfg: CfgNode) -> Iterator[None]:
    """Hold the output folder for the time of a run, and log standard output there.

    A run that fails before its first checkpoint or result leaves nothing.

    Raises:
        ValueError: another process works there, or a run with another configuration has begun.
        OSError: it can't be made or written, or is gone when the run ends.
    """
    folder = Path(cfg.OUTPUT_DIR)
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"--output-dir (OUTPUT_DIR) {folder} can't be made ({error.strerror}); use another"
        ) from None
    try:
        hint = "wait until it ends, or use another --output-dir"
        with locked(folder, ValueError(f"another run works in {folder}; {hint}")):
            _delete_parts(folder)
            _delete_failed_start(folder)
            before = set(folder.iterdir())
            try:
                claim(cfg)
                with _logged(folder):
                    yield
                _check_there(folder)
            except OtherItems:
                for file in set(folder.iterdir()) - before:  # the log
                    file.unlink()
                raise
            except BaseException as error:
                _delete_failed_start(folder, keep=before)
                if isinstance(error, OSError):
                    _check_there(folder)
                raise
    finally:
        with suppress(OSError):  # a folder that is not empty stays
            for parent in made:
                parent.rmdir()


@contextmanager
def locked(folder: Path, refusal: ValueError) -> Iterator[None]:
    """Lock the folder for this process; if it is killed, the system frees the lock.

    Raises:
        ValueError: another process holds it; this is `refusal`.
    """
    path = folder / LOCK
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise refusal from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows deletes no open file
            path.unlink()
        lock.release()


def is_locked(folder: Path) -> bool:
    """Whether a process works there; a lock file that a killed one has left is deleted."""
    if not (folder / LOCK).exists():
        return False
    try:
        with locked(folder, ValueError()):
            return False
    except ValueError:
        return True


def _check_there(folder: Path) -> None:
    """
    Raises:
        FileNotFoundError: the folder, and so its lock, was deleted or moved.
    """
    if not (folder / LOCK).exists():
        raise FileNotFoundError(
            f"the output folder {folder} is gone: it was deleted or moved during the run; start "
            "the run again"
        ) from None


def _delete_parts(folder: Path) -> None:
    """Delete what writers that were killed have left under temporary names."""
    for file in (*folder.glob(".*"), *folder.glob("*/.*")):
        if PART.fullmatch(file.name):
            file.unlink(missing_ok=True)


def _delete_failed_start(folder: Path, keep: Container[Path] = ()) -> None:
    """Delete the log and config of a run that failed before its first checkpoint or result.

    If its log stayed, the next run would log to `log.txt-<time>`, which Dassl's parser ignores.
    """
    if has_begun(folder) or not saved_config.is_of_a_run(folder / saved_config.NAME):
        return
    logs = ("log.txt", "log.txt-*", "tensorboard/events.*", "epochs/prompts-*.safetensors")
    for pattern in (*logs, *OF_A_TEST, items.NAME, saved_config.NAME):
        for file in folder.glob(pattern):
            if file not in keep:
                file.unlink(missing_ok=True)
    for name in ("tensorboard", "epochs"):
        with suppress(OSError):  # not there, or not empty
            (folder / name).rmdir()


@contextmanager
def _logged(folder: Path) -> Iterator[None]:
    """Write standard output to a log as well."""
    from dassl.utils import setup_logger  # imports PyTorch

    console = sys.stdout
    setup_logger(str(folder))
    try:
        yield
    finally:
        sys.stdout.close()
        sys.stdout = console


def claim(cfg: CfgNode) -> None:
    """Write `config.yaml` to the output folder, unless this run has begun there.

    Raises:
        ValueError: a run with another configuration has begun there, or the `config.yaml` there is
            not that of a run.
        OSError: it can't be written.
    """
    folder = Path(cfg.OUTPUT_DIR)
    file = folder / saved_config.NAME
    if has_begun(folder) and file.is_file():
        if changed := saved_config.differences(file, saved_config.plain(cfg)):
            raise ValueError(
                f"{folder} holds a run with another configuration: {changed}; "
                "use another --output-dir, or delete it"
            )
        return
    if file.is_file() and not saved_config.is_of_a_run(file):
        raise ValueError(
            f"{file} is not the configuration of a run; use another --output-dir, or move it away"
        )
    folder.mkdir(parents=True, exist_ok=True)
    _write(file, saved_config.shown(cfg).dump())


def claim_items(cfg: CfgNode, dataset: "DatasetBase") -> None:
    """Write `items.json` to the output folder; if the run has begun there, compare it.

    A run without `items.json`, which version 0.1 did not write, passes.

    Raises:
        OtherItems: a run on other images has begun there, or in RESUME.
        ValueError: an `items.json` is damaged.
        OSError: it can't be written.
    """
    now = items.described(dataset, cfg.DATASET.ROOT)
    for folder in filter(None, (cfg.OUTPUT_DIR, cfg.RESUME)):
        file = Path(folder) / items.NAME
        if file.is_file() and (changed := items.changes(items.read(file), now)):
            raise OtherItems(
                f"the images have changed since the run in {folder} began: {changed}; use another "
                "--output-dir, or delete it"
            )
    if not has_begun(Path(cfg.OUTPUT_DIR)):
        _write(Path(cfg.OUTPUT_DIR) / items.NAME, json.dumps(now, indent=1))


def _write(file: Path, text: str) -> None:
    try:
        with replacing(file) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OSError(
            f"{file} can't be written ({error.strerror}); make room, or use another --output-dir"
        ) from None


def has_begun(folder: Path) -> bool:
    """Whether a run has a checkpoint or a result there."""
    saved = (folder / UNFINISHED).is_file() or any(folder.glob("*/model*.pth.tar*"))
    return saved or parse_run(folder, TESTED) is not None


def began_without(cfg: CfgNode, key: str) -> bool:
    """Whether a run in OUTPUT_DIR, RESUME or MODEL_DIR began before there was a key."""
    folders = map(Path, filter(None, (cfg.OUTPUT_DIR, cfg.RESUME, cfg.MODEL_DIR)))
    files = [folder / saved_config.NAME for folder in folders if has_begun(folder)]
    began = filter(saved_config.is_of_a_run, files)
    return any(key not in saved_config.flat(read_yaml(file)) for file in began)
