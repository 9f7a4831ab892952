"""Files, seeds and checks."""

import json
import os
import platform
import random
import tempfile
import urllib.request
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
import torchvision

from dassl.elsewhere import is_left_out, names_of, sentence
from dassl.utils.checks import choices, get_most_similar_str_to_a_from_b  # noqa: F401
from dassl.utils.reader import read_image  # noqa: F401 (Dassl has it here)

__getattr__ = names_of(__name__)


def mkdir_if_missing(dirname: str) -> None:
    os.makedirs(dirname, exist_ok=True)


def check_isfile(fpath: str) -> bool:
    """Whether a file exists; warns if not."""
    found = os.path.isfile(fpath)
    if not found:
        warnings.warn(f"no file found at {fpath}", stacklevel=2)
    return found


def read_json(fpath: str) -> Any:
    with open(fpath, encoding="utf-8") as file:
        return json.load(file)


def write_json(obj: Any, fpath: str) -> None:
    """Replace a JSON file; readers never see half of one."""
    mkdir_if_missing(os.path.dirname(os.path.abspath(fpath)))
    with replacing(fpath) as part, open(part, "w", encoding="utf-8") as file:
        json.dump(obj, file, indent=4, separators=(",", ": "))


@contextmanager
def replacing(path: str | os.PathLike, folder: str | os.PathLike = "") -> Iterator[str]:
    """A temporary path to write to; after the block that file replaces `path`.

    Args:
        folder: where it lies, on the same file system; by default beside `path`.

    Raises:
        OSError: it cannot be written, for example because the disk is full; `path` is unchanged.
    """
    path, part = Path(path), None
    try:
        descriptor, part = tempfile.mkstemp(dir=folder or path.parent, prefix=f".{path.name}.")
        os.close(descriptor)
        yield part
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(part, 0o666 & ~_umask())
        os.replace(part, path)
    except OSError as error:
        raise type(error)(
            f"{path} can't be written ({error.strerror or error}) and is unchanged; "
            "free some space or use another folder, then start again"
        ) from error
    finally:
        if part is not None:
            Path(part).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def set_random_seed(seed: int) -> None:
    """Seed Python, NumPy and PyTorch on every device."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)


def check_availability(requested: str, available: Iterable[str]) -> None:
    """
    Raises:
        ValueError: `requested` is not available; names the choices and the closest one.
    """
    available = list(available)
    if requested not in available and is_left_out(requested):
        raise ValueError(sentence(requested, available))
    if requested not in available:
        raise ValueError(f"{requested!r} is not available; {choices(requested, available)}")


def collect_env_info() -> str:
    """Versions and devices, for the log."""
    cuda, gpus = torch.version.cuda or "none", range(torch.cuda.device_count())
    lines = [
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
        f"PyTorch {torch.__version__}, torchvision {torchvision.__version__}, "
        f"Pillow {PIL.__version__}",
        f"CUDA {cuda}, {len(gpus)} GPUs, {torch.get_num_threads()} CPU threads",
        *map(torch.cuda.get_device_name, gpus),
    ]
    return "\n".join(lines)


def listdir_nohidden(path: str, sort: bool = False) -> list[str]:
    """Names in a folder that do not start with a dot."""
    names = [name for name in os.listdir(path) if not name.startswith(".")]
    return sorted(names) if sort else names


def download_url(url: str, dst: str) -> None:
    """Download a file to `dst`, where it appears once it is whole.

    Raises:
        OSError: it cannot be downloaded or written.
    """
    print(f'* url="{url}"\n* destination="{dst}"')
    part = f"{dst}.part"
    try:
        urllib.request.urlretrieve(url, part)
        os.replace(part, dst)
    finally:
        Path(part).unlink(missing_ok=True)


def tolist_if_not(x: Any) -> list:
    return x if isinstance(x, list) else [x]
