"""The images in folders and below; what is passed over is counted.

Hidden files and folders are left out, as is what systems leave between images (`__MACOSX/`,
`Thumbs.db`). Links to files are followed. Links to folders are not, which could lead in a circle.
"""

import glob
import ntpath
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from promptsrc.escape import printable
from promptsrc.files import is_visible
from promptsrc.inference.endings import ARCHIVES, SUFFIXES, can_read, why_not

NAMED = 6  # endings in a message; the others are summed up


class Listing(NamedTuple):
    """What a folder holds."""

    images: list[str]  # paths relative to the folder, with slashes, sorted folder by folder
    passed_over: Counter[str]  # how many of each kind, usually an ending: {".heic": 5}


def images_below(folder: str | os.PathLike) -> Listing:
    """The images in and below a folder.

    A broken link with an image's ending is listed, as is a folder below that can't be read: who
    opens them names them.

    Raises:
        OSError: the folder can't be read.
    """
    found = Listing([], Counter())
    places = [""]
    while places:
        place = places.pop()
        try:
            entries = os.scandir(os.path.join(folder, place))
        except OSError:
            if not place:
                raise
            found.images.append(place.removesuffix("/"))
            continue
        with entries:
            for entry in entries:
                if not is_visible(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    places.append(f"{place}{entry.name}/")
                elif reason := _reason(entry):
                    found.passed_over[reason] += 1
                else:
                    found.images.append(place + entry.name)
    found.images.sort(key=lambda path: path.split("/"))
    return found


def _reason(entry: os.DirEntry) -> str:
    """Why it is passed over; empty if it is an image."""
    if os.path.isdir(entry.path):
        return "linked folder(s)"
    if not can_read(entry.name):
        ending = os.path.splitext(entry.name)[1].lower()
        return ending if re.fullmatch(r"\.[a-z0-9]{1,10}", ending) else "without a usual ending"
    if not entry.is_file(follow_symlinks=False) and is_special(entry.path):
        return "pipe(s) or device(s)"  # opening it could wait for ever
    return ""


def is_special(path: str | os.PathLike) -> bool:
    """Whether it is there, but neither a file nor a folder."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def described(passed_over: Counter[str]) -> str:
    """`passed over 5 .heic (install pillow-heif or convert), 1 .txt`; empty for nothing."""
    if not passed_over:
        return ""
    ordered = sorted(passed_over.items(), key=lambda kind: (-kind[1], kind[0]))
    texts = []
    for kind, count in ordered[:NAMED]:
        hint = why_not(f"image{kind}") if kind.startswith(".") else ""
        texts.append(f"{count:,} {kind}" + (f" ({hint})" if hint else ""))
    if rest := sum(count for _, count in ordered[NAMED:]):
        texts.append(f"{rest:,} others")
    return f"passed over {', '.join(texts)}"


def no_images(passed_over: Counter[str]) -> str:
    """What to say of a folder without images: what is there instead, or what counts as one."""
    return f"has no images ({described(passed_over) or ' '.join(sorted(SUFFIXES))})"


def say(line: str) -> None:
    """Print a line on standard error."""
    print(line, file=sys.stderr)


def image_files(
    paths: Iterable[str | os.PathLike], note: Callable[[str], object] = say
) -> list[Path]:
    """The files among `paths`; for each folder the images in and below it, sorted.

    Broken links and folders that can't be read are among them, for who opens them names them.

    Args:
        paths: also `~/photos`, patterns (`photos/*.jpg`) and paths as Windows writes them.
        note: is given a line about what is passed over in a folder.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: a folder has no images, or a path is an archive, a pipe or a device.
    """
    found: list[Path] = []
    for path in (place for typed in paths for place in places_of(os.fspath(typed))):
        if is_special(path):
            raise ValueError(f"{path} is a pipe or device; give image files or folders")
        if os.path.isfile(path) and path.name.lower().endswith(ARCHIVES):
            raise ValueError(f"{path} is an archive; unpack it, and give the folder")
        found += _images_of(path, note) if os.path.isdir(path) else [path]
    return found


def places_of(typed: str) -> list[Path]:
    """What a path stands for: itself, or the home folder's, a pattern's matches, Windows's.

    Raises:
        FileNotFoundError: there is no such file or folder.
    """
    path = os.path.expanduser(typed)
    for place in spellings(path):
        if os.path.lexists(place):
            return [Path(place)]
        if matches := sorted(glob.glob(place, recursive=True)) if glob.has_magic(place) else ():
            return [Path(match) for match in matches if is_visible(os.path.basename(match))]
    if re.match(r"\w\w+:/", typed):
        raise FileNotFoundError(f"{typed} is a web address; download the image first")
    what = "image matches" if glob.has_magic(path) else "image or folder at"
    raise FileNotFoundError(f"no {what} {typed}")


def spellings(path: str) -> tuple[str, ...]:
    """A path, and what it may be if Windows wrote it."""
    return path, path.replace("\\", "/"), _in_linux(path)


def _in_linux(path: str) -> str:
    """A path of Windows in its Linux (WSL), which has its drives in /mnt."""
    drive, rest = ntpath.splitdrive(path)
    return f"/mnt/{drive[0].lower()}{rest}".replace("\\", "/") if drive[1:] == ":" else path


def _images_of(folder: Path, note: Callable[[str], object]) -> list[Path]:
    try:
        images, passed_over = images_below(folder)
    except OSError:
        return [folder]
    if not images:
        raise ValueError(f"folder {folder} {no_images(passed_over)}")
    if passed_over:
        note(printable(f"{folder}: {described(passed_over)}"))
    return [folder / image for image in images]
