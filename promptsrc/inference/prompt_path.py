"""Where prompts are, as it is typed. Imports no PyTorch: a wrong path is refused at once."""

import os
import re
from pathlib import Path

EXPORTS = {".onnx": "onnxruntime", ".pt2": "torch.export.load", ".npz": "open_clip"}


def given(path: str | os.PathLike) -> Path:
    """The folder or file of a path, with `~` expanded.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is an export, which other programs read.
    """
    typed = os.fspath(path)
    path = Path(os.path.expanduser(typed))
    if path.is_dir():
        return path
    if re.match(r"\w\w+:/", typed):
        raise FileNotFoundError(
            f"{typed} is a web address; get the file first, from the Hugging Face hub with "
            "`python -m promptsrc.hub pull user/name prompts.safetensors`"
        )
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    if path.suffix in EXPORTS:
        raise ValueError(
            f"{path} is an export, for {EXPORTS[path.suffix]}; give the folder of its run, or a "
            ".safetensors file (python -m promptsrc.export RUN prompts.safetensors)"
        )
    return path
