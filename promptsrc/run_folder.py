"""The checkpoints in the folder of a run. Imports no PyTorch: what is not there is said at once."""

import os
import re
from pathlib import Path
from typing import Literal

BEST = "model-best.pth.tar"
FILE = re.compile(r"model(-best\.pth\.tar|\.pth\.tar-\d+)")
POINTER = "checkpoint"

Which = int | Literal["final", "best", "newest"]


def find(run: str | os.PathLike, which: Which = "final", model: str = "*") -> Path:
    """A checkpoint in the folder of a run.

    <run>/<model>/model.pth.tar-3       3: of epoch 3
    <run>/<model>/model-best.pth.tar    "best": of the best epoch on the validation images
    <run>/<model>/checkpoint            "newest": the file that its first line names
                                        "final": the best if there is one, else the newest

    Args:
        model: name of the model's folder; by default the run has one model.

    Raises:
        FileNotFoundError: there is none, or several models have one.
    """
    run = Path(run)
    names = {folder: _name(folder, which) for folder in sorted(run.glob(model))}
    found = [folder / name for folder, name in names.items() if name and (folder / name).is_file()]
    if len(found) == 1:
        return found[0]
    there = ", ".join(str(file.relative_to(run)) for file in files_in(run))
    if not there or found:
        what = f"checkpoints of {len(found)} models" if found else "no checkpoint"
        raise FileNotFoundError(f"{run} has {what}; {_hint(run)}")
    wanted = f"{which} checkpoint" if isinstance(which, str) else f"checkpoint of epoch {which}"
    raise FileNotFoundError(
        f"{run} has no {wanted}{'' if model == '*' else f' in {model}'}; it has {there}"
        + ("; add --load-epoch for that of an epoch" if which == "best" else "")
    )


def files_in(run: Path) -> list[Path]:
    """All checkpoints in the folder of a run."""
    return sorted(file for file in run.glob("*/model*") if FILE.fullmatch(file.name))


def _hint(folder: Path) -> str:
    """What to give in place of a folder that is not that of one run."""
    runs = (path for path in sorted(folder.glob("*")) if files_in(path))
    if run := next(runs, None):
        return f"give that of one run, such as {run}"
    return (
        "is it the folder of one run, such as output/.../seed1? (Zero-shot CLIP has no checkpoint.)"
    )


def _name(folder: Path, which: Which) -> str:
    """What the file is called in the folder of a model; empty if that is unknown."""
    if isinstance(which, int):
        return f"model.pth.tar-{which}"
    if which == "best" or (which == "final" and (folder / BEST).is_file()):
        return BEST
    return newest_name(folder)


def newest_name(folder: Path) -> str:
    """The name of the newest file of a model; empty if that is unknown."""
    return pointer_lines(folder)[0].strip()


def pointer_lines(folder: Path) -> list[str]:
    """The lines of a model's `checkpoint`: its newest file, then SHA-256 sums; [""] without it."""
    pointer = folder / POINTER
    if not pointer.is_file():
        return [""]
    return pointer.read_text(encoding="utf-8", errors="replace").split("\n")
