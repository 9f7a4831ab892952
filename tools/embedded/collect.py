"""Fetch the pictures and render them: python -m tools.embedded.collect WORK

Writes WORK/drawings.npy (uint8 RGBA, 64 x 64) and WORK/drawings.json (for each: where it is from
and its words). Needs npm, apt-get, git, resvg-py (PyPI) and a few minutes. All sources have fixed
versions. promptsrc/weights/README.md and LICENSES.md in data/* have the licences of what ships;
those of the other sources (icons, stamps, clothes, fonts) stand in their packages.
"""

import json
from collections import Counter
from pathlib import Path

import numpy as np

from tools.embedded.clip_art import clip_art
from tools.embedded.clothes import clothes
from tools.embedded.command import work_folder
from tools.embedded.emoji import emoji
from tools.embedded.glyphs import glyphs
from tools.embedded.icons import objects
from tools.embedded.stamps import stamps

SOURCES = (emoji, objects, clip_art, stamps, clothes, glyphs)


def main(work: Path) -> None:
    """Write all pictures."""
    work.mkdir(parents=True, exist_ok=True)
    rows, pictures = [], []
    for source in SOURCES:
        for drawing, picture in source(work):
            rows.append(drawing._asdict())
            pictures.append(np.asarray(picture))
    np.save(work / "drawings.npy", np.stack(pictures))
    (work / "drawings.json").write_text(json.dumps(rows))
    print(f"{len(rows):,} pictures: {dict(Counter(row['source'] for row in rows))}")


if __name__ == "__main__":
    main(work_folder(__doc__, "npm", "apt-get", "git"))
