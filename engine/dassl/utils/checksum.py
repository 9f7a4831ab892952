"""A checksum file beside a file tells whether the file is still what was written.

model.pth.tar-3
model.pth.tar-3.sha256      as `sha256sum --check` reads it
"""

import hashlib
import os.path as osp
from pathlib import Path

from dassl.utils.tools import replacing

SUFFIX = ".sha256"


def write_with_checksum(content: bytes, fpath: str) -> None:
    """Replace a file, then its checksum.

    A kill in between leaves the old or the new file, perhaps without a checksum, never with a
    wrong one.

    Raises:
        OSError: it cannot be written; the old file stays.
    """
    checksum = Path(f"{fpath}{SUFFIX}")
    checksum.unlink(missing_ok=True)
    with replacing(fpath) as part:
        Path(part).write_bytes(content)
    with replacing(checksum) as part:
        line = f"{hashlib.sha256(content).hexdigest()}  {osp.basename(fpath)}\n"
        Path(part).write_text(line, encoding="utf-8")


def verify(fpath: str) -> None:
    """Accept a file without a checksum: other implementations write none.

    Raises:
        ValueError: the file does not match its checksum.
    """
    checksum = Path(f"{fpath}{SUFFIX}")
    if checksum.is_file():
        expected = checksum.read_text(encoding="utf-8", errors="replace").partition(" ")[0]
        if hashlib.sha256(Path(fpath).read_bytes()).hexdigest() != expected:
            raise ValueError(
                f"{fpath} is damaged: its SHA-256 is not the one in {checksum.name}; "
                "restore or delete both"
            )


def remove(fpath: str) -> None:
    """Delete a file, its checksum first."""
    for path in (f"{fpath}{SUFFIX}", fpath):
        Path(path).unlink(missing_ok=True)
