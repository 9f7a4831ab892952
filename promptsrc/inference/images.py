"""From image files to what the image tower reads, exactly as the tests of a run do it.

The images are read as the engine reads them: as they are stored, an EXIF orientation is not applied.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of OpenAI's training images: red, green, blue
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Preprocessing:
    """What happens to an image: the shorter side to `size` pixels, the centre cut out, (x - mean) / std of values in [0, 1].

    Args:
        interpolation: bilinear, bicubic or nearest.
    """

    size: int
    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD
    interpolation: str = "bicubic"

    @classmethod
    def of(cls, stated: dict[str, Any] | None, resolution: int) -> "Preprocessing":
        """What a checkpoint states as `input`; without it what CLIP was trained with.

        Raises:
            ValueError: it states something that is not done here, or another size than the backbone's.
        """
        stated = {"size": resolution} if stated is None else stated
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(stated) - known):
            raise ValueError(
                f"the images of these prompts need {', '.join(unknown)}; only {', '.join(known)} are known"
            )
        if stated.get("size") != resolution:
            raise ValueError(
                f"these prompts are for images of {stated.get('size')} pixels, their backbone for {resolution}"
            )
        for key in {"mean", "std"} & set(stated):
            if not _is_colour(stated[key]):
                raise ValueError(
                    f"the {key} of these prompts' images is {stated[key]!r}, not three numbers"
                )
        return cls(
            **{
                key: tuple(value) if isinstance(value, list) else value
                for key, value in stated.items()
            }
        )

    def __call__(self, image: Image.Image) -> Tensor:
        """An RGB image -> (3, size, size)."""
        return self._steps(image)

    @cached_property
    def _steps(self) -> T.Compose:
        resize = T.Resize(self.size, InterpolationMode(self.interpolation))
        return T.Compose(
            [resize, T.CenterCrop(self.size), T.ToTensor(), T.Normalize(self.mean, self.std)]
        )


def _is_colour(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 3
        and all(isinstance(v, int | float) for v in value)
    )


def read_image(path: str | os.PathLike) -> Image.Image:
    """An RGB image.

    Raises:
        OSError: it is missing or unreadable; names it.
    """
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except FileNotFoundError:
        raise FileNotFoundError(f"no image at {path}") from None
    except (
        Exception
    ) as error:  # damage shows in many ways, struct.error and DecompressionBombError among them
        raise OSError(f"image {path} can't be read ({' '.join(str(error).split())})") from None


def image_files(paths: Iterable[str | os.PathLike]) -> list[Path]:
    """The files among `paths`, and in place of each folder the images in it and below, sorted.

    Hidden files and folders are left out, links to folders are not followed.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: a folder has no images.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"no image or folder at {path}")
        inside = sorted(_walk(path)) if path.is_dir() else [path]
        if not inside:
            raise ValueError(f"folder {path} has no images ({' '.join(sorted(SUFFIXES))})")
        found += inside
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=_stop):
        folders[:] = [name for name in folders if not name.startswith(".")]
        images = (
            name
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
        )
        yield from (Path(place) / name for name in images)


def _stop(error: OSError) -> None:
    raise error
