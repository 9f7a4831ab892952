"""The endings of images that are read here, and of those that are not. Imports nothing heavy."""

import os
from importlib.util import find_spec
from pathlib import Path

HEIC = {".heic", ".heif", ".hif"}
SUFFIXES = {  # endings of the images that folders are searched for
    *(".apng", ".bmp", ".gif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpf", ".jpg"),
    *(".jpx", ".mpo", ".pbm", ".pfm", ".pgm", ".png", ".pnm", ".ppm", ".psd", ".tga", ".tif"),
    *(".tiff", ".webp"),
}
SUFFIXES |= {".avif"} if find_spec("PIL._avif") else set()
SUFFIXES |= HEIC if find_spec("pillow_heif") else set()
NOT_READ = {  # endings of other images, and what to do about them
    ".avif": "update Pillow or convert",
    **dict.fromkeys(HEIC, "install pillow-heif or convert"),
    **dict.fromkeys((".ai", ".eps", ".pdf", ".svg", ".svgz", ".wmf"), "convert to .png"),
    **dict.fromkeys((".dcm", ".exr", ".hdr", ".jxl", ".nii", ".xcf"), "convert to .png"),
    **dict.fromkeys((".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf"), "convert to .jpg"),
}
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".rar", ".7z")


def can_read(path: str | os.PathLike) -> bool:
    """Whether the ending is that of an image which is read here."""
    return Path(path).suffix.lower() in SUFFIXES


def why_not(path: str | os.PathLike) -> str:
    """What to do about an image that is passed over; empty if it is read, or is not an image."""
    return "" if can_read(path) else NOT_READ.get(Path(path).suffix.lower(), "")
