"""Few-shot caches, `split_fewshot/shot_<shots>-seed_<seed>`: ours (.json) and the field's pickles (.pkl)."""

import contextlib
import hashlib
import io
import json
import os
import pickle
from pathlib import Path
from typing import Any

from datasets.files import read_json, write_new
from datasets.splits import Item, Split, checked_item
from promptsrc.weights.pickles import check_memo

CACHE_FOLDER = "split_fewshot"

Shots = dict[str, list[Item]]  # train, and val where the split has one


class PickledDatum:
    """Stands in for `Datum` in a pickle: attributes only, no `__init__`, no look at the disk."""


class DatumUnpickler(pickle.Unpickler):
    """Knows one class and refuses every other name, so that loading a file runs no code of its choice."""

    def find_class(self, module: str, name: str) -> type:
        if (module, name) == ("dassl.data.datasets.base_dataset", "Datum"):
            return PickledDatum
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def cache_file(folder: Path, shots: int, seed: int) -> Path:
    """Our cache; the pickled one has the same name with `.pkl`."""
    return folder / CACHE_FOLDER / f"shot_{shots}-seed_{seed}.json"


def fingerprint(split: Split) -> str:
    """Of what shots are drawn from; it changes with any item and with their order."""
    return hashlib.sha256(json.dumps([split.train, split.val]).encode()).hexdigest()


def read_pickle(path: Path) -> Shots | None:
    """The shots of a pickled cache; None, with a line that says why, when its images are not there.

    Paths are absolute in these files, so the images are elsewhere after a move.

    Raises:
        ValueError: it is damaged, or holds anything but lists of items.
    """
    if not path.exists():
        return None
    try:
        content = _unpickle(path.read_bytes())
        shots = _shots({part: [_unpickled(datum) for datum in content[part]] for part in content})
    except Exception as error:  # of damaged bytes comes any
        raise ValueError(
            f"{path} is no few-shot cache ({error}); delete it to have shots drawn again"
        ) from None
    absent = next(
        (item.path for items in shots.values() for item in items if not os.path.isfile(item.path)),
        None,
    )
    if absent:
        print(f"Ignoring {path}: its images are not there, the first is {absent}")
        return None
    print(f"Few-shot images are those of {path}")
    return shots


def _unpickle(content: bytes) -> Any:
    """
    Raises:
        pickle.UnpicklingError, and any other: it is damaged, or asks for what we refuse.
    """
    check_memo(content)
    return DatumUnpickler(io.BytesIO(content)).load()


def _unpickled(datum: Any) -> Item:
    if not isinstance(datum, PickledDatum):
        raise TypeError(f"it holds a {type(datum).__name__}")
    return checked_item(datum._impath, datum._label, datum._classname)


def _shots(parts: Shots) -> Shots:
    """
    Raises:
        ValueError: there is no train, or something besides train and val.
    """
    if "train" not in parts or set(parts) - {"train", "val"}:
        raise ValueError(f"it holds {', '.join(map(str, parts)) or 'nothing'}, not train and val")
    return parts


def read_shots(path: Path, digest: str) -> Shots | None:
    """The shots of our cache; None when there is none, or one of another split, which is removed."""
    if not path.exists():
        return None
    try:
        content = read_json(path)
        if content["split"] == digest:
            return _shots(
                {
                    part: [checked_item(*row) for row in rows]
                    for part, rows in content["shots"].items()
                }
            )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        pass
    print(f"{path} is not of this split: few-shot images are drawn again")
    with contextlib.suppress(OSError):
        path.unlink()
    return None


def keep_shots(path: Path, digest: str, shots: Shots) -> Shots:
    """Store shots, and return those that are stored: another run may have been first."""
    text = json.dumps({"split": digest, "shots": shots})
    try:
        write_new(path, text)
    except OSError as error:
        print(
            f"{path} cannot be written ({error.strerror}): each run draws its shots, the same for a seed"
        )
        return shots
    return read_shots(path, digest) or shots
