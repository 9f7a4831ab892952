"""Few-shot caches, `split_fewshot/shot_<shots>-seed_<seed>`: ours (.json), and pickles (.pkl).

CoOp-style repositories write the pickles.
"""

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
from promptsrc.escape import printable
from promptsrc.weights.pickles import check_memo

CACHE_FOLDER = "split_fewshot"

Shots = dict[str, list[Item]]  # train, and val if the split has one


class PickledDatum:
    """Replaces `Datum` in a pickle: attributes only, and no check of the disk."""


class DatumUnpickler(pickle.Unpickler):
    """Loads one class and refuses all other names, so that a file cannot run code."""

    def find_class(self, module: str, name: str) -> type:
        """The class for a name in the file."""
        if (module, name) == ("dassl.data.datasets.base_dataset", "Datum"):
            return PickledDatum
        raise pickle.UnpicklingError(f"it holds {module}.{name}")


def cache_file(folder: Path, shots: int, seed: int) -> Path:
    """Our cache; the pickled one has the same name with `.pkl`."""
    return folder / CACHE_FOLDER / f"shot_{shots}-seed_{seed}.json"


def fingerprint(split: Split) -> str:
    """A hash of all that shots are drawn from: the items and their order."""
    return hashlib.sha256(json.dumps([split.train, split.val]).encode()).hexdigest()


def read_pickle(path: Path) -> Shots | None:
    """The shots of a pickled cache; None, with a line that says why, if its images are not there.

    These files hold absolute paths, so they no longer fit when the images have moved.

    Raises:
        ValueError: it is damaged, or holds something other than lists of items.
    """
    if not path.exists():
        return None
    try:
        content = _unpickle(path.read_bytes())
        shots = _shots({part: [_unpickled(datum) for datum in content[part]] for part in content})
    except Exception as error:  # damaged bytes raise any
        raise ValueError(
            f"{path} is not a few-shot cache ({error}); delete it, and shots are drawn again"
        ) from None
    absent = next(
        (item.path for items in shots.values() for item in items if not os.path.isfile(item.path)),
        None,
    )
    if absent:
        print(f"Ignoring {path}: some of its images are missing, such as {printable(absent)}")
        return None
    print(f"Few-shot images are read from {path}")
    return shots


def _unpickle(content: bytes) -> Any:
    """The object in a pickle.

    Raises:
        pickle.UnpicklingError: it holds a class that we refuse. Damaged bytes raise any error.
    """
    check_memo(content)
    return DatumUnpickler(io.BytesIO(content)).load()


def _unpickled(datum: Any) -> Item:
    if not isinstance(datum, PickledDatum):
        raise TypeError(f"it holds a {type(datum).__name__}")
    return checked_item(datum._impath, datum._label, datum._classname)


def _shots(parts: Shots) -> Shots:
    """The same parts, checked.

    Raises:
        ValueError: there is no train, or something besides train and val.
    """
    if "train" not in parts or set(parts) - {"train", "val"}:
        held = ", ".join(map(str, parts)) or "nothing"
        raise ValueError(f"it holds {held}, not train and val")
    return parts


def read_shots(path: Path, digest: str) -> Shots | None:
    """The shots of our cache; None if there is none. A cache of another split is deleted."""
    if not path.exists():
        return None
    try:
        content = read_json(path)
        if content["split"] == digest:
            parts = content["shots"].items()
            return _shots({part: [checked_item(*row) for row in rows] for part, rows in parts})
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        pass
    print(f"{path} belongs to another split: few-shot images are drawn again")
    with contextlib.suppress(OSError):
        path.unlink()
    return None


def store_shots(path: Path, digest: str, shots: Shots) -> Shots:
    """Store shots, and return the stored ones: another run may have been first."""
    text = json.dumps({"split": digest, "shots": shots})
    try:
        write_new(path, text)
    except OSError as error:
        print(
            f"cannot write {path} ({error.strerror}): each run draws its shots, the same for the "
            "same seed"
        )
        return shots
    return read_shots(path, digest) or shots
