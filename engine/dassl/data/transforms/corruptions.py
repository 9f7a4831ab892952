"""Corrupted test images, of ImageNet-C's kinds (Hendrycks, Dietterich, arXiv 1903.12261).

Those that need neither other images nor a random field: three kinds of noise, two of blur, two of
light, two of compression. The five severities are those of the paper, which are made for 224 x 224
pixels: smaller images suffer more from blur, which is counted in pixels. Noise follows from the
image itself, so a test is the same each time.
"""

import io
import zlib
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image
from scipy.ndimage import convolve, gaussian_filter

from dassl.utils.checks import in_range, one_of

Corruption = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]  # (H, W, 3) in 0..1


def gaussian_noise(x: np.ndarray, c: float, rng: np.random.Generator) -> np.ndarray:
    """With a standard deviation of `c`."""
    return x + rng.normal(0, c, x.shape)


def shot_noise(x: np.ndarray, c: float, rng: np.random.Generator) -> np.ndarray:
    """Of a sensor that counts `c` photons where it is white."""
    return rng.poisson(x * c) / c


def impulse_noise(x: np.ndarray, c: float, rng: np.random.Generator) -> np.ndarray:
    """A share `c` of the values is 0 or 1."""
    hit, white = rng.random(x.shape) < c, rng.random(x.shape) < 0.5
    return np.where(hit, white, x)


def gaussian_blur(x: np.ndarray, c: float, rng: np.random.Generator) -> np.ndarray:
    """With a standard deviation of `c` pixels."""
    return gaussian_filter(x, (c, c, 0), mode="nearest", truncate=4)


def defocus_blur(x: np.ndarray, c: float, rng: np.random.Generator) -> np.ndarray:
    """By a disk with a radius of `c` pixels, its edge softened by half a pixel."""
    reach = np.arange(-int(c) - 1, int(c) + 2)
    disk = (reach[:, None] ** 2 + reach[None] ** 2 <= c**2).astype(float)
    disk = gaussian_filter(disk, 0.5)
    return convolve(x, (disk / disk.sum())[..., None], mode="mirror")


def brightness(x: np.ndarray, c: float, rng: np.random.Generator) -> np.ndarray:
    """The value of HSV, which is the largest of a pixel's colours, plus `c`."""
    value = x.max(-1, keepdims=True)
    brighter = np.clip(value + c, 0, 1)
    return np.where(value > 0, x * brighter / np.where(value > 0, value, 1), brighter)


def contrast(x: np.ndarray, c: float, rng: np.random.Generator) -> np.ndarray:
    """The distance to each colour's mean, times `c`."""
    mean = x.mean((0, 1), keepdims=True)
    return mean + (x - mean) * c


def jpeg_compression(x: np.ndarray, c: float, rng: np.random.Generator) -> np.ndarray:
    """With a quality of `c`, of 100."""
    file = io.BytesIO()
    _image(x).save(file, "JPEG", quality=int(c))
    return np.asarray(Image.open(file)) / 255


def pixelate(x: np.ndarray, c: float, rng: np.random.Generator) -> np.ndarray:
    """A share `c` of the pixels on each side."""
    image = _image(x)
    size = max(int(image.width * c), 1), max(int(image.height * c), 1)
    return np.asarray(image.resize(size, Image.Resampling.BOX).resize(image.size, 0)) / 255


SEVERITIES: dict[Corruption, Sequence[float]] = {  # c, from 1 to 5
    gaussian_noise: (0.08, 0.12, 0.18, 0.26, 0.38),
    shot_noise: (60, 25, 12, 5, 3),
    impulse_noise: (0.03, 0.06, 0.09, 0.17, 0.27),
    gaussian_blur: (1, 2, 3, 4, 6),
    defocus_blur: (3, 4, 6, 8, 10),
    brightness: (0.1, 0.2, 0.3, 0.4, 0.5),
    contrast: (0.4, 0.3, 0.2, 0.1, 0.05),
    jpeg_compression: (25, 18, 15, 10, 7),
    pixelate: (0.6, 0.5, 0.4, 0.3, 0.25),
}
KINDS = {corruption.__name__: corruption for corruption in SEVERITIES}


class Corrupt:
    """Corrupts RGB images.

    Args:
        kind: of KINDS.
        severity: from 1 to 5.

    Raises:
        ValueError: another kind or severity.
    """

    def __init__(self, kind: str, severity: int):
        one_of("TEST.CORRUPTION", kind, KINDS)
        in_range("TEST.SEVERITY", severity, 1, 5)
        self.kind, self.severity = kind, severity

    def __call__(self, image: Image.Image) -> Image.Image:
        corruption = KINDS[self.kind]
        rng = np.random.default_rng(zlib.crc32(image.tobytes()))
        c = SEVERITIES[corruption][self.severity - 1]
        return _image(corruption(np.asarray(image) / 255, c, rng))

    def __repr__(self) -> str:
        return f"Corrupt({self.kind}, severity={self.severity})"


def _image(x: np.ndarray) -> Image.Image:
    return Image.fromarray((np.clip(x, 0, 1) * 255).round().astype(np.uint8))
