"""Where prompts are, as it is typed. Imports no PyTorch: a wrong path is refused at once."""

import os
import re
from pathlib import Path

from promptsrc.inference.listing import spellings
from promptsrc.run_folder import find

EXPORTS = {".onnx": "onnxruntime", ".pt2": "torch.export.load", ".npz": "open_clip"}
BESIDE = {".html", ".json", ".txt", ".yaml"}  # endings of what else is in the folder of a run


def given(path: str | os.PathLike) -> Path:
    """The file of prompts that a path stands for: a run's folder, one inside it, or a file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is an export, which other programs read, or another file of a run.
    """
    typed = os.fspath(path)
    places = spellings(os.path.expanduser(typed))
    path = Path(next(filter(os.path.exists, places), places[0]))
    if path.is_dir():
        return find(path.parent if any(path.glob("model*.pth.tar*")) else path)
    if re.match(r"\w\w+:/", typed):
        raise FileNotFoundError(
            f"{typed} is a web address; get the file first, from the Hugging Face hub with "
            "`python -m promptsrc.hub pull user/name prompts.safetensors`"
        )
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    if path.suffix in BESIDE:
        raise ValueError(f"{path} does not hold prompts; give the folder of its run")
    if path.suffix in EXPORTS:
        raise ValueError(
            f"{path} is an export, for {EXPORTS[path.suffix]}; give the folder of its run, or a "
            ".safetensors file (python -m promptsrc.export RUN prompts.safetensors)"
        )
    return path
