"""Reading and writing the files of a dataset folder."""

import json
import os
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsrc.files import is_visible

if TYPE_CHECKING:
    import numpy as np


def absolute(path: str) -> Path:
    """The absolute path, with `~` expanded and dots resolved."""
    return Path(os.path.abspath(os.path.expanduser(path)))


def read_text(path: Path) -> str:
    """The text of a UTF-8 file.

    Raises:
        ValueError: it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text ({error.reason}); correct or replace it"
        ) from None


def read_rows(path: Path, pattern: str, expected: str) -> list[tuple[str, ...]]:
    """The groups of `pattern` on each line; spaces and empty lines at the end are ignored.

    Args:
        expected: what a line should be, for the error message.

    Raises:
        ValueError: a line does not match.
    """
    rows = []
    for number, line in enumerate(read_text(path).rstrip().split("\n"), start=1):
        match = re.fullmatch(pattern, line.rstrip())
        if match is None:
            raise ValueError(
                f"{path}, line {number} is {line!r}, not {expected}; correct or remove it"
            )
        rows.append(match.groups())
    return rows


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        ValueError: it is not JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # also a number too long, or a thousand [
        raise ValueError(f"{path} is not JSON ({error}); correct or replace it") from None


def read_mat(path: Path, variable: str) -> "np.ndarray":
    """A variable (N,) of a MATLAB file; structs are record arrays.

    Raises:
        ValueError: it is not a MATLAB file, or has no such variable.
    """
    import numpy as np  # slow to import, and only raw files need it
    from scipy.io import loadmat

    try:
        return np.atleast_1d(loadmat(path, squeeze_me=True)[variable])
    except OSError:
        raise
    except Exception as error:  # damaged bytes raise any
        raise ValueError(
            f"{path} is not a MATLAB file with {variable} ({error}); get the published file"
        ) from None


def class_folders(folder: Path) -> list[str]:
    """Names of the visible folders in a folder, sorted by code point."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if is_visible(entry.name) and entry.is_dir())


def visible_files(folder: Path) -> list[str]:
    """Names of the visible entries of a folder, sorted by code point."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def write_new(path: Path, text: str) -> None:
    """Write a new file, whole or not at all; if another process was first, its file stays.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        publish(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def publish(beside: Path, path: Path) -> None:
    """Rename a written file, unless the name is taken."""
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    except OSError:  # this file system has no hard links: the last writer wins
        os.replace(beside, path)
