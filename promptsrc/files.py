"""Read text as people save it; write files whole or not at all; what folders hold for systems only.

Imports nothing heavy.
"""

import codecs
import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

BEGINNING = 2**16  # bytes
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
CLUTTER = {  # in lower case; of macOS's archives, Windows and Synology
    *("__macosx", "@eadir", "$recycle.bin", "system volume information"),
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
}


def read_text(path: str | os.PathLike) -> str:
    """The text of a file in UTF-8, or in UTF-16 as Windows writes it; line ends are unchanged.

    Raises:
        ValueError: it is in another encoding, or not text.
    """
    content = Path(path).read_bytes()
    encoding = "utf-16" if content.startswith(UTF16) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        line = content.splitlines()[number - 1][:200] if encoding == "utf-8-sig" else b""
        guess = line.decode("cp1252", errors="replace")
        reason = f"line {number} in Windows-1252 (cp1252) is {guess!r}" if line else error.reason
        raise ValueError(
            f"{path} is not UTF-8 text ({reason}); correct it: save it as UTF-8"
        ) from None
    if "\0" in text:
        raise ValueError(f"{path} is not text (it has NUL bytes); save it as UTF-8 text")
    return text


def check_folder(path: str | os.PathLike) -> Path:
    """The path.

    Raises:
        FileNotFoundError: there is no folder to write it to.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} to write {path.name} to; make it first")
    return path


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary name to write to, with the ending of `path`.

    On success the file written there is on disk and takes the place of `path`; else it is deleted.

    Raises:
        FileNotFoundError: there is no folder to write to.
    """
    path = check_folder(path)
    part = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")
    try:
        yield part
        with part.open("rb+") as file:  # Windows syncs writable files only
            os.fsync(file.fileno())
        part.chmod(0o644)  # safetensors makes its files private
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_all(texts: Mapping[Path, str]) -> None:
    """Write text files in UTF-8: all of them, or none if there is too little space.

    Raises:
        OSError: names the file that could not be written.
    """
    with ExitStack() as renaming:
        parts = {path: renaming.enter_context(replacing(path)) for path in texts}
        for path, part in parts.items():
            try:
                with part.open("w", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(texts[path])
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from None


def is_visible(name: str) -> bool:
    """Whether a file or folder is neither hidden nor left by a system."""
    return not name.startswith(".") and name.lower() not in CLUTTER


def fingerprint(path: str | os.PathLike) -> str:
    """A hash of a file's size and beginning, which tells photos apart and copies not.

    Raises:
        OSError: it can't be read.
    """
    with open(path, "rb") as file:
        digest = hashlib.sha256(b"%d\0" % os.fstat(file.fileno()).st_size)
        digest.update(file.read(BEGINNING))
    return digest.hexdigest()[:16]
