"""Your own images are opened once before a training, which a damaged one would end much later.

Those that open are remembered in the cache by size and time; the next run opens new ones only.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path

import PIL
from dassl.utils import read_image
from tqdm import tqdm
from yacs.config import CfgNode

from datasets.splits import Split
from promptsrc.escape import printable
from promptsrc.files import replacing
from promptsrc.weights.names import cache_folder

CHOICES = ("stop", "skip")
THREADS = 8  # at most; a large image takes hundreds of megabytes while it is open


def readable(split: Split, folder: Path, cfg: CfgNode) -> Split:
    """The split without unreadable images, if DATASET.BAD_IMAGES is skip; prints each of them.

    Raises:
        OSError: an image is unreadable, and DATASET.BAD_IMAGES is stop.
        ValueError: DATASET.BAD_IMAGES is neither.
    """
    choice = cfg.DATASET.BAD_IMAGES
    if choice not in CHOICES:
        raise ValueError(f"DATASET.BAD_IMAGES is {choice!r}; choose one of {', '.join(CHOICES)}")
    items = [item for part in split for item in part or ()]
    memory = cache_folder(cfg.MODEL.BACKBONE.get("CACHE", ""))
    paths = {item.path: os.path.join(folder, item.path) for item in items}
    bad = _not_remembered(paths.values(), memory / _name(folder))
    if not bad:
        return split
    if choice == "stop":
        for message in list(bad.values())[1:]:
            print(message)
        raise OSError(
            f"{len(bad):,} of {len(paths):,} images can't be read (DATASET.BAD_IMAGES skip leaves "
            f"them out): {next(iter(bad.values()))}"
        )
    for message in bad.values():
        print(f"Skipped: {message}")
    left = Split(*(part and [i for i in part if paths[i.path] not in bad] for part in split))
    counts = ", ".join(
        f"{len(before) - len(after):,} of {len(before):,} in {name}"
        for name, before, after in zip(Split._fields, split, left, strict=True)
        if before
    )
    print(f"Skipped images that can't be read (DATASET.BAD_IMAGES skip): {counts}")
    return left


def unreadable(paths: Sequence[str]) -> dict[str, str]:
    """What is wrong with each image that cannot be read, in the order of the paths."""
    with ThreadPool(min(THREADS, os.cpu_count() or 1)) as pool:
        problems = pool.imap(_problem, paths, 16)
        bar = tqdm(problems, total=len(paths), unit="image", leave=False, disable=None)
        return {path: problem for path, problem in zip(paths, bar, strict=True) if problem}


def _problem(path: str) -> str:
    """What is wrong with an image; empty: nothing."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for ever
            raise OSError(f"image {path} can't be read (not a file)")
        read_image(path)
    except OSError as error:
        return printable(str(error))
    return ""


def _not_remembered(paths: Iterable[str], memory: Path) -> dict[str, str]:
    """Unreadable images; those that open are remembered."""
    known, now = _read(memory), {path: _state(path) for path in paths}
    new = [path for path, state in now.items() if state is None or known.get(path) != state]
    if not new:
        return {}
    print(f"Opening {len(new):,} images once, to find unreadable ones")
    bad = unreadable(new)
    known |= {path: now[path] for path in new if path not in bad}
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with replacing(memory) as part:
            part.write_text(json.dumps(known))
    except OSError as error:
        print(f"cannot write {memory} ({error.strerror}): the next run opens these images again")
    return bad


def _state(path: str) -> list[int] | None:
    try:
        state = os.stat(path)
    except OSError:
        return None
    return [state.st_size, state.st_mtime_ns]


def _read(memory: Path) -> dict[str, list[int] | None]:
    try:
        content = json.loads(memory.read_text())
    except (OSError, ValueError, RecursionError):  # not there, or damaged
        return {}
    return content if isinstance(content, dict) else {}


def _name(folder: Path) -> str:
    """A file per folder, and per Pillow, which decides what is readable."""
    return f"opened-{hashlib.sha256(f'{folder} {PIL.__version__}'.encode()).hexdigest()[:16]}.json"
