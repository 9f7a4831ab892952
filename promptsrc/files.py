"""Files that are there whole or not at all. Imports nothing heavy."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """A name to write to, with the ending of `path`; on success the file there takes its place, on disk, else nothing stays.

    Raises:
        FileNotFoundError: there is no folder to write to.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} to write {path.name} to; make it first")
    part = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.chmod(0o644)  # safetensors makes its files private
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
