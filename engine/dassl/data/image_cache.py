"""Decoded images in memory that all loading processes share."""

import mmap
import multiprocessing
from collections.abc import Iterable
from typing import Any

import torch
from PIL import Image

from dassl.utils.reader import read_image


class ImageCache:
    """Reads the images of a dataset and decodes each of them once, while there is room.

    A few-shot dataset is small and read again every epoch. Its pixels are kept in anonymous shared
    memory, which later forked processes inherit: what one of them decodes, all can read, in this
    epoch and the next. The system provides a page of it when pixels are first written there.

    A copy shares the memory. It cannot be pickled, so a pickled cache is None.

    Args:
        paths: of the images that may be cached; others are decoded every time.
        limit: bytes for pixels; images that do not fit are decoded every time.
        read_as: "stored" or "shown", see `dassl.utils.reader`.
    """

    def __init__(self, paths: Iterable[str], limit: int, read_as: str = "stored"):
        self.read_as = read_as
        self.slots = {path: slot for slot, path in enumerate(dict.fromkeys(paths))}
        try:
            self.pixels = mmap.mmap(-1, limit)
        except (OSError, OverflowError, ValueError):
            raise ValueError(
                f"DATALOADER.CACHE_MB is {limit >> 20}, more memory than this machine gives; lower "
                "it (0: no cache)"
            ) from None
        self.taken = multiprocessing.get_context("fork").Value("q", 0)
        # per slot: start of the pixels, width, height; height 0 means not cached
        self.places = torch.zeros(len(self.slots), 3, dtype=torch.int64).share_memory_()

    def __deepcopy__(self, _: dict[int, Any]) -> "ImageCache":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _none, ()

    def read(self, path: str) -> Image.Image:
        """What `read_image` returns."""
        slot = self.slots.get(path)
        if slot is None:
            return read_image(path, self.read_as)
        start, width, height = self.places[slot].tolist()
        if height:
            end = start + 3 * width * height
            return Image.frombytes("RGB", (width, height), self.pixels[start:end])
        image = read_image(path, self.read_as)
        self._store(slot, image)
        return image

    def _store(self, slot: int, image: Image.Image) -> None:
        pixels = image.tobytes()
        with self.taken.get_lock():
            start, end = self.taken.value, self.taken.value + len(pixels)
            if end > len(self.pixels):
                return
            self.taken.value = end
        self.pixels[start:end] = pixels
        self.places[slot, 0], self.places[slot, 1] = start, image.width
        self.places[slot, 2] = image.height  # last, because it declares the image cached


def _none() -> None:
    return None


def can_share() -> bool:
    """Whether loading processes are forked and so inherit the memory."""
    method = multiprocessing.get_start_method(allow_none=True)
    return (method or multiprocessing.get_all_start_methods()[0]) == "fork"
