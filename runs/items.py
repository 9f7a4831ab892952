"""`items.json` in the folder of a run: its class names, and a hash of its images.

It is one of their paths, and of your own images also of their sizes in bytes. The paths are
relative to the dataset's folder, so that a data root may move. Each of your own training images has
a fingerprint there, by which predict.py knows it.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptsrc.files import fingerprint, read_text

if TYPE_CHECKING:
    from dassl.data.datasets import DatasetBase

NAME = "items.json"
PARTS = {"train_x": "training", "val": "validation", "test": "test"}


def described(dataset: "DatasetBase", root: str) -> dict[str, Any]:
    """What a run works on, as JSON holds it.

    Args:
        root: DATASET.ROOT; paths of images elsewhere count in full.
    """
    from datasets.base import OwnDataset  # imports PyTorch

    digest, own = hashlib.sha256(), isinstance(dataset, OwnDataset)
    places = [
        os.path.join(os.path.abspath(os.path.expanduser(place)), "")
        for place in (dataset.dataset_dir, root)
    ]
    for part in PARTS:
        for item in getattr(dataset, part) or ():
            path = item.impath
            for place in places:
                path = path.removeprefix(place)
            digest.update(b"%s %d %s\0" % (part.encode(), item.label, os.fsencode(path)))
            if own:  # a photo may be replaced under its name; published files do not change
                digest.update(b"%d\0" % os.path.getsize(item.impath))
    images = {name: len(getattr(dataset, part) or ()) for part, name in PARTS.items()}
    found = {
        "classes": list(dataset.classnames),
        "images": images,
        "sha256": digest.hexdigest(),
    }
    if own:
        found["trained_on"] = sorted({fingerprint(item.impath) for item in dataset.train_x or ()})
    return found


def trained_on(model: str | os.PathLike) -> set[str]:
    """The fingerprints of a run's own training images; empty where they are not known.

    Args:
        model: the run's folder, or a file or folder in it.
    """
    place = Path(os.path.abspath(os.path.expanduser(model)))
    for folder in (place, *place.parents[:2]):
        try:
            content = json.loads(read_text(folder / NAME))
            return {name for name in content["trained_on"] if isinstance(name, str)}
        except OSError:  # not there
            continue
        except (
            KeyError,
            RecursionError,
            TypeError,
            ValueError,
        ):  # an earlier version's, or damaged
            break
    return set()


def read(file: Path) -> dict[str, Any]:
    """What a run worked on.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        content = json.loads(read_text(file))
        classes, images, digest = content["classes"], content["images"], content["sha256"]
        if all(isinstance(name, str) for name in classes) and isinstance(digest, str):
            counts = {name: int(images[name]) for name in PARTS.values()}
            return {"classes": list(classes), "images": counts, "sha256": digest}
    except (KeyError, OverflowError, RecursionError, TypeError, ValueError):
        pass
    raise ValueError(
        f"{file} is not the list of a run's images; restore it, or delete it if they are the same"
    )


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs: `5 classes, were 4; 30 training images, were 24`; empty if nothing does."""
    old, new = before["classes"], now["classes"]
    found = []
    if len(old) != len(new):
        found.append(f"{len(new):,} classes, were {len(old):,}")
    elif renamed := [names for names in zip(new, old, strict=True) if names[0] != names[1]]:
        found.append(f"class {renamed[0][0]!r}, was {renamed[0][1]!r}")
    found += [
        f"{count:,} {name} images, were {before['images'][name]:,}"
        for name, count in now["images"].items()
        if count != before["images"][name]
    ]
    if not found and before["sha256"] != now["sha256"]:
        found.append("as many, but others")
    return "; ".join(found)
