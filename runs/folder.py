"""The output folder of a run: one process at a time, one configuration.

output/.../seed1/log.txt  config.yaml  VLPromptLearner/model.pth.tar-20
"""

import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from yacs.config import CfgNode

from promptsrc.files import replacing
from runs import saved_config
from runs.results import TESTED, parse_run

LOCK = ".lock"  # held by the process that works in the folder


@contextmanager
def held(cfg: CfgNode) -> Iterator[None]:
    """Hold the output folder for the time of a run, and log standard output there.

    A run that fails before its first checkpoint or result leaves nothing.

    Raises:
        ValueError: another process works there, or a run with another configuration has begun.
        OSError: it can't be made or written.
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
            _delete_failed_start(folder)
            before = set(folder.iterdir())
            try:
                claim(cfg)
                with _logged(folder):
                    yield
            except BaseException:
                _delete_failed_start(folder, keep=before)
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


def _delete_failed_start(folder: Path, keep: Container[Path] = ()) -> None:
    """Delete the log and config of a run that failed before its first checkpoint or result.

    If its log stayed, the next run would log to `log.txt-<time>`, which Dassl's parser ignores.
    """
    if has_begun(folder) or not saved_config.is_of_a_run(folder / saved_config.NAME):
        return
    for pattern in ("log.txt", "log.txt-*", "tensorboard/events.*", saved_config.NAME):
        for file in folder.glob(pattern):
            if file not in keep:
                file.unlink(missing_ok=True)
    with suppress(OSError):  # not there, or not empty
        (folder / "tensorboard").rmdir()


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
    try:
        with replacing(file) as part:
            part.write_text(cfg.dump(), encoding="utf-8")
    except OSError as error:
        raise OSError(
            f"{file} can't be written ({error.strerror}); make room, or use another --output-dir"
        ) from None


def has_begun(folder: Path) -> bool:
    """Whether a run has a checkpoint or a result there."""
    return any(folder.glob("*/model*.pth.tar*")) or parse_run(folder, TESTED) is not None
