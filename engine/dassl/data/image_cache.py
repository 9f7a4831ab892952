"""Decoded images in memory that all loading processes share."""

import mmap
import multiprocessing

import torch
from PIL import Image

from dassl.utils.tools import read_image


class ImageCache:
    """Reads the images of a dataset and decodes each of them once, while there is room.

    A few-shot dataset is small and read again every epoch. Its pixels are kept in anonymous shared
    memory, which later forked processes inherit: what one of them decodes, all can read, in this
    epoch and the next. The system provides a page of it when pixels are first written there.

    Args:
        count: number of images in the dataset.
        limit: bytes for pixels; images that do not fit are decoded every time.
    """

    def __init__(self, count: int, limit: int):
        self.pixels = mmap.mmap(-1, limit)
        self.taken = multiprocessing.get_context("fork").Value("q", 0)
        # per image: start of the pixels, width, height; height 0 means not cached
        self.places = torch.zeros(count, 3, dtype=torch.int64).share_memory_()

    def read(self, index: int, path: str) -> Image.Image:
        """What `read_image` returns for the image with this index in the dataset."""
        start, width, height = self.places[index].tolist()
        if height:
            end = start + 3 * width * height
            return Image.frombytes("RGB", (width, height), self.pixels[start:end])
        image = read_image(path)
        self._store(index, image)
        return image

    def _store(self, index: int, image: Image.Image) -> None:
        pixels = image.tobytes()
        with self.taken.get_lock():
            start, end = self.taken.value, self.taken.value + len(pixels)
            if end > len(self.pixels):
                return
            self.taken.value = end
        self.pixels[start:end] = pixels
        self.places[index, 0], self.places[index, 1] = start, image.width
        self.places[index, 2] = image.height  # last, because it declares the image cached


def can_share() -> bool:
    """Whether loading processes are forked and so inherit the memory."""
    method = multiprocessing.get_start_method(allow_none=True)
    return (method or multiprocessing.get_all_start_methods()[0]) == "fork"
