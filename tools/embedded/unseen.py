"""The embedded dataset as an unseen vendor draws it: python -m tools.embedded.unseen WORK

Writes WORK/openmoji, with the layout of data/emoji, from OpenMoji's drawings of the same emoji. It
is for measuring only: OpenMoji is CC-BY-SA-4.0, is not shipped, and is not in pre-training.
"""

import json
from pathlib import Path

import numpy as np

from tools.embedded.command import work_folder
from tools.embedded.dataset import TARGET, VENDORS, write_picture

VENDOR = "openmoji"


def main(work: Path) -> None:
    """Write the images and the split."""
    rows = json.loads((work / "drawings.json").read_text())
    pictures = np.load(work / "drawings.npy", mmap_mode="r")
    drawing = {row["hexcode"].lower(): i for i, row in enumerate(rows) if row["source"] == VENDOR}
    split = json.loads((TARGET / "split_zhou_Emoji.json").read_text())
    for part, items in split.items():
        things = dict.fromkeys((_hexcode(path), label, name) for path, label, name in items)
        known = [thing for thing in things if thing[0] in drawing]
        split[part] = []
        for hexcode, label, name in known:
            path = f"{name}/{VENDOR}-{hexcode}.png"
            split[part].append([path, label, name])
            write_picture(pictures[drawing[hexcode]], work / VENDOR / "images" / path)
    (work / VENDOR / "split_zhou_Emoji.json").write_text(json.dumps(split, indent=0) + "\n")
    print({part: len(items) for part, items in split.items()})


def _hexcode(path: str) -> str:
    """`bird/fluent-flat-1f426.png` -> `1f426`."""
    stem = Path(path).stem
    vendor = next(vendor for vendor in VENDORS if stem.startswith(f"{vendor}-"))
    return stem.removeprefix(f"{vendor}-")


if __name__ == "__main__":
    main(work_folder(__doc__))
