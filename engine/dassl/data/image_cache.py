"""Decoded images in memory that all loading processes share."""

import mmap
import multiprocessing

import torch
from PIL import Image

from dassl.utils.tools import read_image


class ImageCache:
    """Reads the images of a dataset; each is decoded once, as long as there is room.

    Few-shot sets are small and read again every epoch. The pixels lie in anonymous shared memory, which processes
    forked later have in common, so that whichever of them decodes an image does so for all, and for all epochs. Only memory
    that holds pixels is taken from the system.

    Args:
        count: images in the dataset.
        limit: bytes for pixels; images that do not fit are decoded each time.
    """

    def __init__(self, count: int, limit: int):
        self.pixels = mmap.mmap(-1, limit)
        self.taken = multiprocessing.get_context("fork").Value("q", 0)
        self.places = torch.zeros(
            count, 3, dtype=torch.int64
        ).share_memory_()  # where pixels start, width, height (0: not there)

    def read(self, index: int, path: str) -> Image.Image:
        """The image, the `index`-th of the dataset, as `read_image` gives it."""
        start, width, height = self.places[index].tolist()
        if height:
            return Image.frombytes(
                "RGB", (width, height), self.pixels[start : start + 3 * width * height]
            )
        image = read_image(path)
        self._keep(index, image)
        return image

    def _keep(self, index: int, image: Image.Image) -> None:
        pixels = image.tobytes()
        with self.taken.get_lock():
            start = self.taken.value
            if start + len(pixels) > len(self.pixels):
                return
            self.taken.value += len(pixels)
        self.pixels[start : start + len(pixels)] = pixels
        place = torch.tensor([start, *image.size])
        self.places[index, :2] = place[:2]
        self.places[index, 2] = place[2]  # last: now it is there


def can_share() -> bool:
    """Whether loading processes are forked, and so inherit the memory."""
    method = (
        multiprocessing.get_start_method(allow_none=True)
        or multiprocessing.get_all_start_methods()[0]
    )
    return method == "fork"
