"""Fetch the drawings and render them: python -m tools.embedded.collect WORK

Writes WORK/drawings.npz (uint8 RGBA, 64 x 64) and WORK/drawings.json (for each: vendor, concept,
words). Needs npm, apt-get, resvg-py (PyPI) and a minute. All sources come from package registries
at fixed versions; promptsrc/weights/README.md and data/emoji/LICENSES.md have their licences.
"""

import io
import json
import re
import subprocess
import tarfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

from tools.embedded.command import work_folder

SIZE = 64
Image.MAX_IMAGE_PIXELS = 4_000_000  # leaves out a few pieces of clip art, which are posters
warnings.simplefilter("error", Image.DecompressionBombWarning)
ICONS = {  # vendor -> npm package of its drawings
    "noto": "@iconify-json/noto@1.2.9",
    "noto-v1": "@iconify-json/noto-v1@1.2.5",
    "twemoji": "@iconify-json/twemoji@1.2.5",
    "emojione": "@iconify-json/emojione@1.2.3",
    "fluent-flat": "@iconify-json/fluent-emoji-flat@1.2.6",
    "fluent": "@iconify-json/fluent-emoji@1.2.7",
    "fxemoji": "@iconify-json/fxemoji@1.2.2",
    "openmoji": "@iconify-json/openmoji@1.2.29",
}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
EMOJI = "emojibase-data@17.0.0"
CLIP_ART = "openclipart-png=1:0.18+dfsg-19"
CLIP_ART_KINDS = (
    "animals",
    "buildings",
    "containers",
    "education",
    "electronics",
    "food",
    "office",
    "people",
    "plants",
    "recreation",
    "science",
    "tools",
    "transportation",
)
NO_PICTURES = {
    "aiga symbols",
    "roadsigns",
    "simple",
    "white",
    "bordered",
    "ornamental",
    "cardbacks",
    "stickmen",
}


def main(work: Path) -> None:
    """Write all drawings."""
    work.mkdir(parents=True, exist_ok=True)
    rows, pictures = [], []
    for row, picture in [*_emoji(work), *_clip_art(work)]:
        rows.append(row)
        pictures.append(np.asarray(picture))
    np.savez_compressed(work / "drawings.npz", rgba=np.stack(pictures))
    (work / "drawings.json").write_text(json.dumps(rows))
    print(f"{len(rows)} drawings of {len({row['vendor'] for row in rows})} vendors")


def _emoji(work: Path) -> Iterator[tuple[dict, Image.Image]]:
    emoji = _emoji_list(work)
    for vendor, package in ICONS.items():
        icons = json.loads(_member(_npm(work, package), "package/icons.json"))
        size = icons.get("width", 16), icons.get("height", 16)
        for name, icon in icons["icons"].items():
            if (entry := emoji.get(_slug(name))) is None:
                continue
            width, height = icon.get("width", size[0]), icon.get("height", size[1])
            view = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
            svg = f'{SVG} viewBox="{view}">{icon["body"]}</svg>'
            png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIZE, height=SIZE))
            yield {"vendor": vendor, **entry}, _square(Image.open(io.BytesIO(png)))


def _emoji_list(work: Path) -> dict[str, dict]:
    """Label, tags, group and subgroup of every emoji without skin tone, by slug."""
    package = _npm(work, EMOJI)
    names = json.loads(_member(package, "package/meta/groups.json"))
    entries = {}
    for emoji in json.loads(_member(package, "package/en/data.json")):
        if "group" in emoji:
            entries[_slug(emoji["label"])] = {
                "label": emoji["label"],
                "hexcode": emoji["hexcode"],
                "tags": emoji.get("tags", []),
                "group": names["groups"][str(emoji["group"])],
                "subgroup": names["subgroups"][str(emoji["subgroup"])],
            }
    return entries


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().replace("ñ", "n").replace("’", ""))


def _clip_art(work: Path) -> Iterator[tuple[dict, Image.Image]]:
    """Captioned clip art; the caption is the file's name without author and number."""
    if not list(work.glob("openclipart-png_*.deb")):
        subprocess.run(["apt-get", "download", CLIP_ART], cwd=work, check=True)
    deb = next(work.glob("openclipart-png_*.deb"))
    subprocess.run(["dpkg-deb", "-x", deb.name, "clipart"], cwd=work, check=True)
    root = work / "clipart" / "usr" / "share" / "openclipart" / "png"
    known = {
        word
        for entry in _emoji_list(work).values()
        for word in _words(" ".join([entry["label"], *entry["tags"]]))
    }
    for file in sorted(file for kind in CLIP_ART_KINDS for file in (root / kind).rglob("*.png")):
        try:
            picture = _square(Image.open(file))
        except (OSError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
            continue
        label = " ".join(word for word in _words(file.stem) if word in known)
        kind, *parts = file.relative_to(root).parent.parts
        subgroup = " ".join(_words(parts[-1])) if parts else kind
        if subgroup in NO_PICTURES:
            continue
        row = {"vendor": "clip-art", "label": label, "hexcode": "", "tags": []}
        yield row | {"group": kind, "subgroup": subgroup}, picture


def _words(text: str) -> list[str]:
    """Words of at least three letters, in lower case."""
    return re.findall(r"[a-z]{3,}", re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower())


def _square(picture: Image.Image) -> Image.Image:
    """Fitted into SIZE x SIZE, centred on a transparent background."""
    picture = picture.convert("RGBA")
    picture.thumbnail((SIZE, SIZE), Image.Resampling.BOX)
    canvas = Image.new("RGBA", (SIZE, SIZE))
    canvas.paste(picture, ((SIZE - picture.width) // 2, (SIZE - picture.height) // 2))
    return canvas


def _npm(work: Path, package: str) -> Path:
    """The archive of a package; downloaded once."""
    archive = work / (package.lstrip("@").replace("/", "-").replace("@", "-") + ".tgz")
    if not archive.exists():
        command = ["npm", "pack", "--silent", package]
        subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)
    return archive


def _member(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as tar:
        return tar.extractfile(name).read()


if __name__ == "__main__":
    main(work_folder(__doc__))
