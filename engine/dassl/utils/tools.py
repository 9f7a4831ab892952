"""Files, seeds and checks."""

import difflib
import json
import os
import platform
import random
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image


def mkdir_if_missing(dirname: str) -> None:
    os.makedirs(dirname, exist_ok=True)


def check_isfile(fpath: str) -> bool:
    """Whether a file is there; warns where it is not."""
    found = os.path.isfile(fpath)
    if not found:
        warnings.warn(f"no file found at {fpath}", stacklevel=2)
    return found


def read_json(fpath: str) -> Any:
    with open(fpath, encoding="utf-8") as file:
        return json.load(file)


def write_json(obj: Any, fpath: str) -> None:
    """Write beside, then rename: readers never see half a file."""
    mkdir_if_missing(os.path.dirname(os.path.abspath(fpath)))
    with replacing(fpath) as part, open(part, "w", encoding="utf-8") as file:
        json.dump(obj, file, indent=4, separators=(",", ": "))


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[str]:
    """A name to write to; on success the file there takes the place of `path`, whole and on disk.

    Raises:
        OSError: it can't be written (no space, no permission), or something else on the way could not; `path` stays as it was.
    """
    path, part = Path(path), None
    try:
        descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(descriptor)
        yield part
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(part, 0o666 & ~_umask())
        os.replace(part, path)
    except OSError as error:
        reason = error.strerror or error
        raise type(error)(
            f"{path} can't be written ({reason}), and is as it was; make room there or choose another folder, then start again"
        ) from error
    finally:
        if part is not None:
            Path(part).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def set_random_seed(seed: int) -> None:
    """Seed Python, NumPy and torch on every device."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)


def check_availability(requested: str, available: Iterable[str]) -> None:
    """Raises ValueError, naming the choices and the nearest one, unless `requested` is available."""
    available = list(available)
    if requested not in available:
        close = difflib.get_close_matches(str(requested), available, n=1, cutoff=0.0)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise ValueError(
            f"{requested!r} is not available; choose one of {', '.join(available)}{hint}"
        )


def read_image(path: str) -> Image.Image:
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
    ) as error:  # what decoders raise of damaged bytes, DecompressionBombError among them
        raise OSError(
            f"image {path} can't be read ({error}); replace it or take it out of the dataset"
        ) from None


def collect_env_info() -> str:
    """Versions that a log should hold."""
    lines = [
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
        f"PyTorch {torch.__version__}, torchvision {torchvision.__version__}, Pillow {PIL.__version__}",
        f"CUDA {torch.version.cuda or 'none'}, {torch.cuda.device_count()} GPUs, {torch.get_num_threads()} CPU threads",
    ]
    lines += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return "\n".join(lines)


def listdir_nohidden(path: str, sort: bool = False) -> list[str]:
    """Names in a folder that do not start with a dot."""
    names = [name for name in os.listdir(path) if not name.startswith(".")]
    return sorted(names) if sort else names


def tolist_if_not(x: Any) -> list:
    return x if isinstance(x, list) else [x]
