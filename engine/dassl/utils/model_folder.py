"""The files of a model, as Dassl has them, and their SHA-256 sums.

<output>/<model>/checkpoint             the newest file's name, then a line a file: SHA-256, name
<output>/<model>/model.pth.tar-3
<output>/<model>/model-best.pth.tar
<output>/.model.pth.tar-4.x8kq2abc      a file while it is written

Plug-ins list a model's folder and take each other name in it for an epoch. Dassl reads the first
line of `checkpoint`, and `sha256sum --check --ignore-missing` the others.
"""

import hashlib
import os
import os.path as osp
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from dassl.utils.tools import replacing

BEST = "model-best.pth.tar"
POINTER = "checkpoint"
SUM = re.compile(r"([0-9a-f]{64})  (.+)")
OLD_SUM = ".sha256"  # version 0.1 wrote a sum to a file of its own, with this suffix


def write(folder: str, files: Mapping[str, bytes], newest: str | None = None) -> None:
    """Replace files in their order, then, if it is given, the name of the newest one.

    A kill leaves each file old or new: where there is an old one, `checkpoint` has both sums until
    all is written.

    Raises:
        OSError: a file cannot be written; the old one stays.
    """
    known, before = sums(folder), newest_of(folder)
    new = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    if known.keys() & new.keys():
        both = {name: known.get(name, set()) | {new[name]} for name in new}
        _point_at(folder, before, known | both)
    for name, content in files.items():
        with replacing(osp.join(folder, name), parts_of(folder)) as part:
            Path(part).write_bytes(content)
    there = {name: known[name] for name in known if osp.isfile(osp.join(folder, name))}
    there |= {name: {digest} for name, digest in new.items()}
    _point_at(folder, before if newest is None else newest, there)
    for file in _old_sums(folder):
        file.unlink(missing_ok=True)


def read(path: str) -> bytes:
    """The content of a file. One without a sum is accepted: other implementations write none.

    Raises:
        ValueError: it does not match its sum.
    """
    before: set[str] = set()
    while True:
        content, known = Path(path).read_bytes(), _sums_of(path)
        if not known or hashlib.sha256(content).hexdigest() in known:
            return content
        if known == before:
            raise ValueError(
                f"{path} is damaged: its SHA-256 is not the one that was saved in {POINTER}; "
                "restore or delete it"
            )
        before = known  # a run may have replaced the file between the two reads


def newest_of(folder: str) -> str:
    """The name in the first line of `checkpoint`; empty if there is none."""
    return _lines(folder)[0].strip()


def sums(folder: str) -> dict[str, set[str]]:
    """The known sums by file name: one, or while a file is replaced two."""
    known: dict[str, set[str]] = {}
    for line in _lines(folder)[1:]:
        if match := SUM.fullmatch(line):
            known.setdefault(match[2], set()).add(match[1])
    for file in _old_sums(folder):
        known.setdefault(file.name.removesuffix(OLD_SUM), {_old_sum(file)})
    return known


def parts_of(folder: str) -> str:
    """Where the files of a folder lie while they are written: in the folder around it.

    In itself if that is another file system, or may not be written to.
    """
    around = osp.dirname(osp.abspath(folder))
    same = os.stat(around).st_dev == os.stat(folder).st_dev
    return around if same and os.access(around, os.W_OK | os.X_OK) else folder


def _sums_of(path: str) -> set[str]:
    folder, name = osp.split(path)
    return sums(folder or ".").get(name, set())


def _old_sums(folder: str) -> Iterator[Path]:
    return Path(folder).glob(f"model*{OLD_SUM}")


def _old_sum(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").partition(" ")[0]
    except FileNotFoundError:  # a run has just moved it to `checkpoint`; `read` looks again
        return ""


def _lines(folder: str) -> list[str]:
    pointer = Path(folder, POINTER)
    if not pointer.is_file():
        return [""]
    return pointer.read_text(encoding="utf-8", errors="replace").split("\n")


def _point_at(folder: str, newest: str, known: Mapping[str, set[str]]) -> None:
    lines = [f"{digest}  {name}" for name in sorted(known) for digest in sorted(known[name])]
    with replacing(osp.join(folder, POINTER), parts_of(folder)) as part:
        Path(part).write_text("".join(f"{line}\n" for line in (newest, *lines)), encoding="utf-8")
